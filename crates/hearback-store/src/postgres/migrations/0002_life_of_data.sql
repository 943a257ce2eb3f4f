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
CREATE TABLE recipients_dropped (LIKE recipients, PRIMARY KEY (address));
