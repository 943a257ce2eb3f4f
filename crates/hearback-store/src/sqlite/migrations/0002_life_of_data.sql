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

-- What the dropped events said about each recipient; the columns are those of `recipients`.
CREATE TABLE recipients_dropped (
    address           TEXT PRIMARY KEY,
    upto              INTEGER NOT NULL,
    suppressed        INTEGER,
    registered        INTEGER NOT NULL,
    queued            INTEGER NOT NULL,
    sent              INTEGER NOT NULL,
    delivered         INTEGER NOT NULL,
    deferred          INTEGER NOT NULL,
    bounced_permanent INTEGER NOT NULL,
    bounced_temporary INTEGER NOT NULL,
    rejected          INTEGER NOT NULL,
    failed            INTEGER NOT NULL,
    opened_human      INTEGER NOT NULL,
    opened_machine    INTEGER NOT NULL,
    clicked_human     INTEGER NOT NULL,
    clicked_machine   INTEGER NOT NULL,
    complained        INTEGER NOT NULL,
    unsubscribed      INTEGER NOT NULL,
    inbound           INTEGER NOT NULL,
    other             INTEGER NOT NULL,
    last_at           INTEGER,
    last_kind         INTEGER,
    last_position     INTEGER,
    outcome_at        INTEGER,
    outcome_kind      INTEGER,
    sent_at           INTEGER,
    first_at          INTEGER,
    bounced_at        INTEGER,
    bounced_by        INTEGER,
    complained_at     INTEGER,
    complained_by     INTEGER,
    unsubscribed_at   INTEGER,
    unsubscribed_by   INTEGER,
    listed_at         INTEGER,
    listed_by         INTEGER,
    unlisted_at       INTEGER,
    unlisted_by       INTEGER,
    delivered_at      INTEGER,
    delivered_by      INTEGER,
    by_hand_at        INTEGER,
    by_hand_by        INTEGER,
    lifted_at         INTEGER,
    lifted_by         INTEGER
) STRICT, WITHOUT ROWID;
