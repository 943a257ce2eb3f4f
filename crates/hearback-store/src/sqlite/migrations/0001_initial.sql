-- The log: append-only, positions without gaps. Everything below it follows from it.
CREATE TABLE events (
    position    INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,           -- nanoseconds since the epoch, like every time here
    occurred_at INTEGER NOT NULL,
    source      INTEGER NOT NULL,           -- sources.id
    kind        INTEGER NOT NULL,           -- hearback_event::Kind
    channel     INTEGER NOT NULL,           -- hearback_event::Channel
    origin      INTEGER NOT NULL,           -- hearback_event::Origin
    flags       INTEGER NOT NULL,           -- hearback_event::Fact; above its 16 bits, of a delivery, hearback_event::delay_step
    recipient   TEXT,
    payload     INTEGER,                    -- payloads.id
    dedup       BLOB NOT NULL,              -- the event's keys, 16 bytes each
    data        TEXT NOT NULL               -- the rest of the event, JSON
) STRICT;

-- Raw requests, compressed. The id is the position of the request's first event.
CREATE TABLE payloads (
    id         INTEGER PRIMARY KEY,
    dictionary INTEGER NOT NULL,            -- dictionaries.id, 0 for none
    size       INTEGER NOT NULL,            -- bytes before compression
    digest     BLOB NOT NULL,               -- of the body
    token      BLOB,                        -- digest of a one-time token
    body       BLOB NOT NULL                -- zstd
) STRICT;

CREATE TABLE dictionaries (
    id       INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    body     BLOB NOT NULL
) STRICT;

CREATE TABLE sources (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    provider TEXT NOT NULL,
    account  TEXT NOT NULL,
    UNIQUE (name, provider, account)
) STRICT;

-- One-time tokens that came with nothing but known events, so that no payload row binds them to a body.
CREATE TABLE loose_tokens (
    token       BLOB PRIMARY KEY,
    digest      BLOB NOT NULL,
    received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX loose_tokens_by_time ON loose_tokens (received_at);

-- Sealed periods: the indexes of 65536 events each, written once, sorted.
CREATE TABLE periods (
    period       INTEGER PRIMARY KEY,
    occurred_min INTEGER NOT NULL,
    occurred_max INTEGER NOT NULL,
    received_max INTEGER NOT NULL,
    fences       BLOB NOT NULL,             -- first posting of each block
    filter       BLOB NOT NULL              -- bitmap over the keys that make events and tokens unique
) STRICT;
CREATE TABLE postings (
    id    INTEGER PRIMARY KEY,              -- period << 20 | number of the block
    block BLOB NOT NULL                     -- sorted postings, 8 bytes each
) STRICT;

-- What the sealed events say about recipients, in runs: of each period one, later of many (log/runs/).
CREATE TABLE recipient_runs (
    id           INTEGER PRIMARY KEY,       -- last_period << 3 | how often what is in it was merged
    first_period INTEGER NOT NULL,
    last_period  INTEGER NOT NULL,
    merged       INTEGER NOT NULL,          -- 1: another run has what is in it, and its blocks are being thrown away
    digest       INTEGER NOT NULL,          -- of the fences
    fences       BLOB NOT NULL              -- hash of the first address of each block
) STRICT;
CREATE TABLE recipient_blocks (
    id    INTEGER PRIMARY KEY,              -- recipient_runs.id << 32 | number of the block
    block BLOB NOT NULL                     -- addresses in the order of their hashes, each with hearback_event::RecipientState, packed
) STRICT;
-- What no run says: of events that were dropped before their period was sealed. `upto`: true up to this position.
CREATE TABLE recipients_loose (
    address TEXT PRIMARY KEY,
    upto    INTEGER NOT NULL,
    state   BLOB NOT NULL                   -- hearback_event::RecipientState, packed (log/recipients.rs)
) STRICT, WITHOUT ROWID;
-- Who may be suppressed: an event once said so.
CREATE TABLE suppression_candidates (
    address TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What a person or the application said about a recipient; never derived from events.
CREATE TABLE profiles (
    address TEXT PRIMARY KEY,
    user_id TEXT,                          -- the application's own id for the person
    name    TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX profiles_by_user ON profiles (user_id, address) WHERE user_id IS NOT NULL;

-- Counts of the sealed events, per period, summed on reading: rows are written once and never changed.
CREATE TABLE hourly (
    hour INTEGER NOT NULL, source INTEGER NOT NULL, kind INTEGER NOT NULL, machine INTEGER NOT NULL,
    period INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (hour, source, kind, machine, period)
) STRICT, WITHOUT ROWID;
-- All counts of a period and day in one row: hearback-store/src/log/names/packed.rs says how they are packed.
CREATE TABLE daily_tags (
    day INTEGER NOT NULL, period INTEGER NOT NULL, counts BLOB NOT NULL,
    PRIMARY KEY (day, period)
) STRICT;
CREATE TABLE daily_domains (
    day INTEGER NOT NULL, period INTEGER NOT NULL, counts BLOB NOT NULL,
    PRIMARY KEY (day, period)
) STRICT;
-- Deliveries by how long they took. step: number of the source, a colon, hearback_event::delay_step.
CREATE TABLE delivery_times (
    hour INTEGER NOT NULL, step TEXT NOT NULL, kind INTEGER NOT NULL, machine INTEGER NOT NULL,
    period INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (hour, step, kind, machine, period)
) STRICT, WITHOUT ROWID;

-- Refused requests.
CREATE TABLE quarantine (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    source      TEXT NOT NULL,
    provider    TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    cause       TEXT NOT NULL,
    detail      TEXT NOT NULL,
    remote      TEXT,
    size        INTEGER NOT NULL,           -- bytes of the body as it came
    kept        INTEGER NOT NULL,           -- bytes that the row takes up
    head        TEXT NOT NULL,
    body        BLOB NOT NULL               -- zstd
) STRICT;
CREATE INDEX quarantine_by_source ON quarantine (source, id, kept);

CREATE TABLE tokens (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    hash       BLOB NOT NULL UNIQUE
) STRICT;

-- Who may sign in to the interface.
CREATE TABLE users (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL,
    password   TEXT,                        -- argon2id, as a PHC string; none where a provider of identities says who it is
    issuer     TEXT,                        -- that provider, and who the user is there
    subject    TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (issuer, subject)
) STRICT;

CREATE TABLE sessions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    INTEGER NOT NULL,
    hash       BLOB NOT NULL UNIQUE,        -- SHA-256 of what the browser has
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    remote     TEXT,
    agent      TEXT
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);

-- What people changed.
CREATE TABLE audit (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    who    TEXT NOT NULL,
    what   TEXT NOT NULL,
    detail TEXT NOT NULL,
    remote TEXT
) STRICT;

-- What somebody should look at. Rows name positions and keep no words of events: nothing in them would have to be forgotten.
CREATE TABLE alerts (
    id              INTEGER PRIMARY KEY,
    rule            TEXT NOT NULL,
    subject         BLOB NOT NULL,          -- a digest of the message, source, destination or rate
    sums_up         INTEGER NOT NULL,
    part_of         INTEGER,                -- the alert that sums it up
    urgency         INTEGER NOT NULL,
    kind            INTEGER NOT NULL,       -- of the first event
    cause           INTEGER NOT NULL,       -- position of the first event
    first_at        INTEGER NOT NULL,
    last_at         INTEGER NOT NULL,
    count           INTEGER NOT NULL,
    parts_left      INTEGER NOT NULL,
    state           INTEGER NOT NULL,       -- 1 open, 2 acknowledged, 3 resolved
    acknowledged_at INTEGER,
    acknowledged_by TEXT,
    resolved_at     INTEGER,
    resolved_by     TEXT,
    told            TEXT NOT NULL           -- JSON: when, and to which destinations
) STRICT;
CREATE INDEX alerts_about ON alerts (subject) WHERE state < 3;
CREATE INDEX alerts_standing ON alerts (id) WHERE state < 3;
CREATE INDEX alerts_in_state ON alerts (state, id) WHERE part_of IS NULL;
CREATE INDEX alerts_of_rule ON alerts (rule, state, id) WHERE part_of IS NULL;
CREATE INDEX alerts_parts ON alerts (part_of, id) WHERE part_of IS NOT NULL;
CREATE INDEX alerts_over ON alerts (resolved_at) WHERE state = 3;

-- The one row of whoever raises alerts.
CREATE TABLE alert_desk (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL,
    upto    INTEGER,                        -- how far the log was read
    notes   TEXT NOT NULL                   -- JSON
) STRICT;

-- The row that readiness checks write.
CREATE TABLE heartbeat (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
