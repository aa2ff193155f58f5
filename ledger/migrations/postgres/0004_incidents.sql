-- +goose Up

CREATE TABLE incidents (
    system TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    changed_at TEXT COLLATE "C" NOT NULL,
    stub TEXT NOT NULL,
    there TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (system, key)
);

CREATE TABLE changes (
    run_id BIGINT NOT NULL REFERENCES runs (id),
    position BIGINT NOT NULL,
    at TEXT COLLATE "C" NOT NULL,
    change TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
);

CREATE INDEX events_by_subject ON events (subject_id, at);
