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

-- What the dropped events said about each recipient; the columns are those of `recipients`.
CREATE TABLE recipients_dropped (
    address           TEXT COLLATE "C" PRIMARY KEY,
    upto              BIGINT NOT NULL,
    suppressed        BIGINT,
    queued            BIGINT NOT NULL,
    sent              BIGINT NOT NULL,
    delivered         BIGINT NOT NULL,
    deferred          BIGINT NOT NULL,
    bounced_permanent BIGINT NOT NULL,
    bounced_temporary BIGINT NOT NULL,
    rejected          BIGINT NOT NULL,
    failed            BIGINT NOT NULL,
    opened_human      BIGINT NOT NULL,
    opened_machine    BIGINT NOT NULL,
    clicked_human     BIGINT NOT NULL,
    clicked_machine   BIGINT NOT NULL,
    complained        BIGINT NOT NULL,
    unsubscribed      BIGINT NOT NULL,
    inbound           BIGINT NOT NULL,
    other             BIGINT NOT NULL,
    last_at           BIGINT,
    last_kind         BIGINT,
    outcome_at        BIGINT,
    outcome_kind      BIGINT,
    sent_at           BIGINT,
    first_at          BIGINT,
    bounced_at        BIGINT,
    bounced_by        BIGINT,
    complained_at     BIGINT,
    complained_by     BIGINT,
    unsubscribed_at   BIGINT,
    unsubscribed_by   BIGINT,
    listed_at         BIGINT,
    listed_by         BIGINT,
    unlisted_at       BIGINT,
    unlisted_by       BIGINT,
    delivered_at      BIGINT,
    delivered_by      BIGINT
);
