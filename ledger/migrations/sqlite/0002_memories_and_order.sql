-- +goose Up

-- What a check wants to know at the next pass, such as how long to leave a service alone
-- that refused it.
CREATE TABLE memories (
    check_name TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    kept_at TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (check_name, key)
) STRICT, WITHOUT ROWID;

-- The place of a delivery among those that its pass planned. It is not sealed by the
-- checksum: it decides only who is told first.
ALTER TABLE deliveries ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
