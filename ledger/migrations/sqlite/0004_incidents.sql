-- +goose Up

-- The incident stubs: what should stand on each status system, and what is known of how it
-- stands there. state is waiting (for its hold-off), open, owing (over, and not yet so there) or over.
CREATE TABLE incidents (
    system TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    stub TEXT NOT NULL,
    there TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (system, key)
) STRICT, WITHOUT ROWID;

-- What was replaced or set between two passes, well or not.
CREATE TABLE changes (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    position INTEGER NOT NULL,
    at TEXT NOT NULL,
    change TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
) STRICT, WITHOUT ROWID;

-- The story of a stub is asked for by its findings.
CREATE INDEX events_by_subject ON events (subject_id, at);
