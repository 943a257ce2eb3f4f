-- Where the log begins: what is older was dropped. Positions go on, also when nothing is left.
CREATE TABLE log_start (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    position INTEGER NOT NULL,              -- the first position that is still there
    payloads INTEGER NOT NULL,              -- the first position whose raw request is still there
    changes  INTEGER NOT NULL               -- grows when events are changed where they stand: what was read before is out of date
) STRICT;
INSERT INTO log_start (id, position, payloads, changes) VALUES (1, 1, 1, 0);

-- What the counts of a period owe to events that were dropped or say nothing any more. Gone when the whole period is.
CREATE TABLE owed_counts (
    period  INTEGER NOT NULL,
    rollup  INTEGER NOT NULL,               -- 1 hourly, 2 daily_tags, 3 daily_domains
    step    INTEGER NOT NULL,               -- hour or day
    name    TEXT NOT NULL,                  -- number of the source, tag, domain
    kind    INTEGER NOT NULL,
    machine INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (period, rollup, step, name, kind, machine)
) STRICT, WITHOUT ROWID;

-- What the dropped events said about each recipient; the columns are those of `recipients_loose`.
CREATE TABLE recipients_dropped (
    address TEXT PRIMARY KEY,
    upto    INTEGER NOT NULL,
    state   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Consumers that are pushed to. Nothing is written here when an event comes in: the cursor moves when events were pushed.
CREATE TABLE destinations (
    name            TEXT PRIMARY KEY,
    begun           INTEGER NOT NULL,       -- the log's last position when it was set up: what is older was never meant for it
    cursor          INTEGER NOT NULL,       -- every event up to here was pushed, was not wanted, or has a row in failed_pushes
    paused_at       INTEGER,                -- by a person
    disabled_at     INTEGER,                -- by the receiver, which is gone for good
    disabled_why    TEXT,
    failing_since   INTEGER,                -- nothing is pushed but probes
    probes          INTEGER NOT NULL,       -- probes that failed in this outage
    probe_at        INTEGER,
    delivered       INTEGER NOT NULL,
    skipped         INTEGER NOT NULL,
    last_success_at INTEGER,
    last_failure_at INTEGER,
    last_failure    TEXT,                   -- in words, without anything of an event or of the answer's body
    owner           TEXT,                   -- the process that pushes
    beat            INTEGER NOT NULL,       -- grows as long as the owner lives
    changes         INTEGER NOT NULL        -- grows when a person changes something: the owner reads anew
) STRICT, WITHOUT ROWID;

-- Pushes that failed: where the event stands in the log, and nothing of the event.
CREATE TABLE failed_pushes (
    position     INTEGER NOT NULL,
    destination  TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    next_try     INTEGER,                   -- none: it has ended
    first_failed INTEGER NOT NULL,
    last_try     INTEGER,
    status       INTEGER,                   -- of the last answer, where there was one
    error        TEXT NOT NULL,             -- in words
    ended_at     INTEGER,
    ended        INTEGER,                   -- hearback_store::PushEnd
    PRIMARY KEY (position, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX failed_pushes_by_destination ON failed_pushes (destination, position, ended);

-- Consumers that pull and keep their place here.
CREATE TABLE consumers (
    name     TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Registered messages that should be delivered by a time, and are not yet.
CREATE TABLE expectations (
    position  INTEGER PRIMARY KEY,          -- of the registration
    due_at    INTEGER NOT NULL,
    recipient INTEGER                       -- a hash of the address; only where it is overdue
) STRICT;
CREATE INDEX expectations_due ON expectations (due_at) WHERE recipient IS NULL;
CREATE INDEX expectations_told ON expectations (position) WHERE recipient IS NOT NULL;
CREATE INDEX expectations_overdue ON expectations (recipient) WHERE recipient IS NOT NULL;
