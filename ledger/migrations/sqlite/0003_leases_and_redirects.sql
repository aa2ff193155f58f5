-- +goose Up

-- What the ledger knows of itself, such as that it took the place of a damaged one.
CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL,
    checksum TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who is at work. A lease that has expired may be taken over; the token tells a holder
-- that it was. lasts_ms is how long it was taken for, so that one from a clock that ran
-- ahead can be told.
CREATE TABLE leases (
    name TEXT PRIMARY KEY NOT NULL,
    holder TEXT NOT NULL,
    token TEXT NOT NULL,
    acquired_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    lasts_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Why a delivery comes this way, and when its events were given to other channels too.
ALTER TABLE deliveries ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN redirected_at TEXT;

-- Whether an event may be forgotten depends on the deliveries that tell of it.
CREATE INDEX delivery_events_by_event ON delivery_events (event_id);
