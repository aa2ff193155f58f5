-- +goose Up

-- Marks the file as a ledger of Lapsewatch ("LpsW"), so that another application's
-- database is never taken for one.
PRAGMA application_id = 1282437975;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    judged_at TEXT NOT NULL,
    finished_at TEXT
) STRICT;

-- What was ever seen and has not gone. Without a separate index, so that no damage can
-- make a row and its index disagree.
CREATE TABLE subjects (
    id TEXT PRIMARY KEY NOT NULL,
    check_name TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen_run INTEGER NOT NULL REFERENCES runs (id)
) STRICT, WITHOUT ROWID;

-- What was last known of each subject; apart from subjects because it changes rarely,
-- and last_seen_run on every run.
CREATE TABLE findings (
    subject_id TEXT PRIMARY KEY NOT NULL REFERENCES subjects (id) ON DELETE CASCADE,
    known TEXT NOT NULL,
    checksum TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The history: what changed. It outlives the subjects.
CREATE TABLE events (
    id TEXT PRIMARY KEY NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    subject_id TEXT NOT NULL,
    type TEXT NOT NULL,
    at TEXT NOT NULL,
    event TEXT NOT NULL,
    checksum TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who is told what, and once it is sent, the service's proof.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY NOT NULL,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    created_at TEXT NOT NULL,
    checksum TEXT NOT NULL,
    sent_at TEXT,
    proof TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery_events (
    delivery_id TEXT NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    event_id TEXT NOT NULL REFERENCES events (id),
    PRIMARY KEY (delivery_id, position)
) STRICT, WITHOUT ROWID;

-- The deliveries that are still owed, and those that failed for good.
CREATE TABLE outbox (
    delivery_id TEXT PRIMARY KEY NOT NULL REFERENCES deliveries (id),
    attempts INTEGER NOT NULL,
    next_attempt TEXT NOT NULL,
    last_error TEXT NOT NULL,
    dead_at TEXT
) STRICT, WITHOUT ROWID;
