-- Where the log begins: what is older was dropped. Positions go on, also when nothing is left.
CREATE TABLE log_start (
    id       BIGINT PRIMARY KEY CHECK (id = 1),
    position BIGINT NOT NULL,              -- the first position that is still there
    payloads BIGINT NOT NULL,              -- the first position whose raw request is still there
    changes  BIGINT NOT NULL               -- grows when events are changed where they stand: what was read before is out of date
);
INSERT INTO log_start (id, position, payloads, changes) VALUES (1, 1, 1, 0);

-- What the counts of a period owe to events that were dropped or say nothing any more. Gone when the whole period is.
CREATE TABLE owed_counts (
    period  BIGINT NOT NULL,
    rollup  BIGINT NOT NULL,               -- 1 hourly, 2 daily_tags, 3 daily_domains
    step    BIGINT NOT NULL,               -- hour or day
    name    TEXT COLLATE "C" NOT NULL,                  -- number of the source, tag, domain
    kind    BIGINT NOT NULL,
    machine BIGINT NOT NULL,
    count   BIGINT NOT NULL,
    PRIMARY KEY (period, rollup, step, name, kind, machine)
);

-- What the dropped events said about each recipient.
CREATE TABLE recipients_dropped (LIKE recipients_loose, PRIMARY KEY (address));

-- Consumers that are pushed to. Nothing is written here when an event comes in: the cursor moves when events were pushed.
CREATE TABLE destinations (
    name            TEXT COLLATE "C" PRIMARY KEY,
    begun           BIGINT NOT NULL,       -- the log's last position when it was set up: what is older was never meant for it
    cursor          BIGINT NOT NULL,       -- every event up to here was pushed, was not wanted, or has a row in failed_pushes
    paused_at       BIGINT,                -- by a person
    disabled_at     BIGINT,                -- by the receiver, which is gone for good
    disabled_why    TEXT,
    failing_since   BIGINT,                -- nothing is pushed but probes
    probes          BIGINT NOT NULL,       -- probes that failed in this outage
    probe_at        BIGINT,
    delivered       BIGINT NOT NULL,
    skipped         BIGINT NOT NULL,
    last_success_at BIGINT,
    last_failure_at BIGINT,
    last_failure    TEXT,                   -- in words, without anything of an event or of the answer's body
    owner           TEXT,                   -- the process that pushes
    beat            BIGINT NOT NULL,       -- grows as long as the owner lives
    changes         BIGINT NOT NULL        -- grows when a person changes something: the owner reads anew
);

-- Pushes that failed: where the event stands in the log, and nothing of the event.
CREATE TABLE failed_pushes (
    position     BIGINT NOT NULL,
    destination  TEXT COLLATE "C" NOT NULL,
    attempts     BIGINT NOT NULL,
    next_try     BIGINT,                   -- none: it has ended
    first_failed BIGINT NOT NULL,
    last_try     BIGINT,
    status       BIGINT,                   -- of the last answer, where there was one
    error        TEXT NOT NULL,             -- in words
    ended_at     BIGINT,
    ended        BIGINT,                   -- hearback_store::PushEnd
    PRIMARY KEY (position, destination)
);
CREATE INDEX failed_pushes_by_destination ON failed_pushes (destination, position, ended);

-- Consumers that pull and keep their place here.
CREATE TABLE consumers (
    name     TEXT COLLATE "C" PRIMARY KEY,
    position BIGINT NOT NULL,
    at       BIGINT NOT NULL
);

-- Registered messages that should be delivered by a time, and are not yet.
CREATE TABLE expectations (
    position  BIGINT PRIMARY KEY,          -- of the registration
    due_at    BIGINT NOT NULL,
    recipient BIGINT                       -- a hash of the address; only where it is overdue
);
CREATE INDEX expectations_due ON expectations (due_at) WHERE recipient IS NULL;
CREATE INDEX expectations_told ON expectations (position) WHERE recipient IS NOT NULL;
CREATE INDEX expectations_overdue ON expectations (recipient) WHERE recipient IS NOT NULL;
