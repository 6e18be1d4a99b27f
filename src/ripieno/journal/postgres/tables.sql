-- The tables of format 7, the first that there was of a database: those of SQLite's, in PostgreSQL's types. It
-- was released and is not changed any more: what later formats add is in a file for each, as formats.py says.
-- Times are microseconds since 1970, as in events; only the lease of an owner is in the time of the database.

CREATE TABLE ripieno (
    format BIGINT NOT NULL
);

CREATE TABLE owners (
    token    TEXT COLLATE "C" PRIMARY KEY,
    name     TEXT             NOT NULL,
    until_at TIMESTAMPTZ      NOT NULL
);

-- what statements use that SQLite has
CREATE FUNCTION hex(BYTEA) RETURNS TEXT LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN encode($1, 'hex');
CREATE FUNCTION instr(TEXT, TEXT) RETURNS INTEGER LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN strpos($1, $2);

CREATE TABLE events (
    position BIGINT           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream   BYTEA            NOT NULL,
    seq      BIGINT           NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    envelope BYTEA            NOT NULL
);
CREATE UNIQUE INDEX events_stream ON events (stream, seq);
CREATE INDEX events_changes ON events (stream, seq) WHERE kind IN ('workflow.registered', 'workflow.deployed', 'policy.kept', 'policy.deployed', 'policy.withdrawn');

CREATE TABLE payloads (
    stream     BYTEA NOT NULL,
    commitment BYTEA NOT NULL,
    sealed     BYTEA NOT NULL,
    PRIMARY KEY (stream, commitment)
);

CREATE TABLE runs (
    id            TEXT COLLATE "C" PRIMARY KEY,
    tenant        TEXT COLLATE "C" NOT NULL,
    workflow      TEXT COLLATE "C" NOT NULL,
    version       TEXT COLLATE "C" NOT NULL,
    principal     TEXT COLLATE "C" NOT NULL,
    key           TEXT COLLATE "C",
    status        TEXT COLLATE "C" NOT NULL,
    parent        TEXT COLLATE "C",
    requested_at  BIGINT           NOT NULL,
    updated_at    BIGINT           NOT NULL,
    ended_at      BIGINT,
    owner         TEXT COLLATE "C",
    epoch         BIGINT           NOT NULL,
    wanted        BIGINT           NOT NULL DEFAULT 0,
    seen          BIGINT           NOT NULL DEFAULT 0,
    head_seq      BIGINT           NOT NULL,
    head_hash     TEXT COLLATE "C" NOT NULL,
    detail        TEXT COLLATE "C",
    wrapped       BYTEA            NOT NULL,
    replay_after  BIGINT           NOT NULL DEFAULT 0,
    replay_needed TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    again_at      BIGINT
);
CREATE UNIQUE INDEX runs_key ON runs (tenant, workflow, key) WHERE key IS NOT NULL;
CREATE INDEX runs_running ON runs (id) WHERE status = 'running';
CREATE INDEX runs_unserved ON runs (id) WHERE status = 'needs_version';
CREATE INDEX runs_wanted ON runs (id) WHERE status = 'waiting' AND wanted > seen;
CREATE INDEX runs_listed ON runs (tenant, status, id);
CREATE INDEX runs_stopped ON runs (id) WHERE status = 'stopped' AND wanted > seen;
CREATE INDEX runs_again ON runs (again_at) WHERE status = 'stopped' AND again_at IS NOT NULL;
CREATE INDEX runs_over ON runs (tenant, version, ended_at) WHERE ended_at IS NOT NULL AND wrapped <> ''::bytea;

CREATE TABLE questions (
    position     BIGINT           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number       BIGINT           UNIQUE,
    id           TEXT COLLATE "C" NOT NULL UNIQUE,
    run          TEXT COLLATE "C" NOT NULL,
    path         TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    role         TEXT COLLATE "C",
    content      TEXT COLLATE "C",
    asked_at     BIGINT           NOT NULL,
    due_at       BIGINT,
    state        TEXT COLLATE "C" NOT NULL,
    answered_by  TEXT COLLATE "C",
    answered_at  BIGINT,
    person       TEXT COLLATE "C",
    claimed_by   TEXT COLLATE "C",
    claimed_at   BIGINT,
    delegated_by TEXT COLLATE "C",
    answered_for TEXT COLLATE "C",
    revision     BIGINT           NOT NULL DEFAULT 0,
    reminders    TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    remind_at    BIGINT,
    reminded     BIGINT           NOT NULL DEFAULT 0
);
CREATE INDEX questions_remind ON questions (remind_at) WHERE state = 'open' AND remind_at IS NOT NULL;
CREATE INDEX questions_due ON questions (due_at) WHERE state = 'open' AND due_at IS NOT NULL;
CREATE INDEX questions_run ON questions (run, state);
CREATE INDEX questions_people ON questions (state, due_at) WHERE kind <> 'timer';

CREATE TABLE inbox (
    position BIGINT           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       TEXT COLLATE "C" NOT NULL UNIQUE,
    run      TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    by       TEXT COLLATE "C" NOT NULL,
    at       BIGINT           NOT NULL,
    question TEXT COLLATE "C",
    path     TEXT COLLATE "C" NOT NULL,
    content  TEXT COLLATE "C",
    folded   BIGINT,
    target   TEXT COLLATE "C",
    leave    TEXT COLLATE "C",
    mac      BYTEA
);
CREATE INDEX inbox_unfolded ON inbox (run, position) WHERE folded IS NULL;

CREATE TABLE claims (
    run     TEXT COLLATE "C" NOT NULL,
    path    TEXT COLLATE "C" NOT NULL,
    attempt BIGINT           NOT NULL,
    epoch   BIGINT           NOT NULL,
    tool    TEXT COLLATE "C",
    PRIMARY KEY (run, path, attempt)
);

CREATE TABLE failed_calls (
    run    TEXT COLLATE "C" NOT NULL,
    path   TEXT COLLATE "C" NOT NULL,
    tool   TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    at     BIGINT           NOT NULL,
    PRIMARY KEY (run, path)
);
CREATE INDEX failed_calls_tool ON failed_calls (tool, at);

CREATE TABLE tenants (
    name      TEXT COLLATE "C" PRIMARY KEY,
    stream    BYTEA            NOT NULL UNIQUE,
    wrapped   BYTEA            NOT NULL,
    head_seq  BIGINT           NOT NULL,
    head_hash TEXT COLLATE "C" NOT NULL
);

CREATE TABLE absences (
    id         TEXT COLLATE "C" PRIMARY KEY,
    tenant     TEXT COLLATE "C" NOT NULL,
    person     TEXT COLLATE "C" NOT NULL,
    substitute TEXT COLLATE "C" NOT NULL,
    from_at    BIGINT           NOT NULL,
    until_at   BIGINT           NOT NULL,
    set_by     TEXT COLLATE "C" NOT NULL,
    set_at     BIGINT           NOT NULL
);
CREATE INDEX absences_until ON absences (tenant, until_at);

CREATE TABLE versions (
    version       TEXT COLLATE "C" NOT NULL,
    tenant        TEXT COLLATE "C" NOT NULL,
    workflow      TEXT COLLATE "C" NOT NULL,
    source        TEXT COLLATE "C" NOT NULL,
    pins          TEXT COLLATE "C" NOT NULL,
    registered_at BIGINT           NOT NULL,
    about         TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    rowid         BIGINT           GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, version)
);

CREATE TABLE drains (
    tenant   TEXT COLLATE "C" NOT NULL,
    workflow TEXT COLLATE "C" NOT NULL,
    by       TEXT COLLATE "C" NOT NULL,
    at       BIGINT           NOT NULL,
    reason   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, workflow)
);

CREATE TABLE modes (
    tenant      TEXT COLLATE "C" NOT NULL,
    version     TEXT COLLATE "C" NOT NULL,
    participant TEXT COLLATE "C" NOT NULL,
    mode        TEXT COLLATE "C" NOT NULL,
    by          TEXT COLLATE "C" NOT NULL,
    event       BIGINT           NOT NULL,
    PRIMARY KEY (tenant, version, participant)
);

CREATE TABLE compatible (
    tenant TEXT COLLATE "C" NOT NULL,
    old    TEXT COLLATE "C" NOT NULL,
    new    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, old, new)
);

CREATE TABLE principals (
    tenant   TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    status   TEXT COLLATE "C" NOT NULL,
    roles    TEXT COLLATE "C" NOT NULL,
    groups   TEXT COLLATE "C" NOT NULL,
    provided TEXT COLLATE "C" NOT NULL,
    by       TEXT COLLATE "C" NOT NULL,
    event    BIGINT           NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE group_roles (
    tenant  TEXT COLLATE "C" NOT NULL,
    "group" TEXT COLLATE "C" NOT NULL,
    role    TEXT COLLATE "C" NOT NULL,
    by      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, "group", role)
);

CREATE TABLE providers (
    tenant   TEXT COLLATE "C" NOT NULL,
    issuer   TEXT COLLATE "C" NOT NULL,
    settings TEXT COLLATE "C" NOT NULL,
    by       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, issuer)
);

CREATE TABLE api_keys (
    id         TEXT COLLATE "C" PRIMARY KEY,
    tenant     TEXT COLLATE "C" NOT NULL,
    principal  TEXT COLLATE "C" NOT NULL,
    verifier   TEXT COLLATE "C" NOT NULL,
    scope      TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT,
    created_at BIGINT           NOT NULL,
    by         TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL
);
CREATE INDEX api_keys_tenant ON api_keys (tenant, principal);

CREATE TABLE logins (
    tenant     TEXT COLLATE "C" NOT NULL,
    credential TEXT COLLATE "C" NOT NULL,
    principal  TEXT COLLATE "C" NOT NULL,
    mark       TEXT COLLATE "C" NOT NULL,
    at         BIGINT           NOT NULL,
    PRIMARY KEY (tenant, credential)
);

CREATE TABLE deployments (
    tenant   TEXT COLLATE "C" NOT NULL,
    workflow TEXT COLLATE "C" NOT NULL,
    stage    TEXT COLLATE "C" NOT NULL,
    version  TEXT COLLATE "C" NOT NULL,
    share    BIGINT           NOT NULL,
    by       TEXT COLLATE "C" NOT NULL,
    event    BIGINT           NOT NULL,
    PRIMARY KEY (tenant, workflow, stage)
);

CREATE TABLE protected (
    tenant   TEXT COLLATE "C" NOT NULL,
    workflow TEXT COLLATE "C" NOT NULL,
    by       TEXT COLLATE "C" NOT NULL,
    event    BIGINT           NOT NULL,
    PRIMARY KEY (tenant, workflow)
);

CREATE TABLE agent_states (
    tenant   TEXT COLLATE "C" NOT NULL,
    workflow TEXT COLLATE "C" NOT NULL,
    agent    TEXT COLLATE "C" NOT NULL,
    status   TEXT COLLATE "C" NOT NULL,
    by       TEXT COLLATE "C" NOT NULL,
    reason   TEXT COLLATE "C" NOT NULL,
    event    BIGINT           NOT NULL,
    PRIMARY KEY (tenant, workflow, agent)
);

CREATE TABLE stops (
    tenant TEXT COLLATE "C" NOT NULL,
    what   TEXT COLLATE "C" NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    by     TEXT COLLATE "C" NOT NULL,
    at     BIGINT           NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, what, name)
);

CREATE TABLE rates (
    tenant    TEXT COLLATE "C" NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    tool      TEXT COLLATE "C" NOT NULL,
    paid_at   BIGINT           NOT NULL,
    PRIMARY KEY (tenant, principal, tool)
);

CREATE TABLE budgets (
    tenant TEXT COLLATE "C" NOT NULL,
    team   TEXT COLLATE "C" NOT NULL,
    cost   BIGINT           NOT NULL,
    hard   BIGINT           NOT NULL,
    by     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, team)
);

CREATE TABLE spent_months (
    tenant  TEXT COLLATE "C" NOT NULL,
    team    TEXT COLLATE "C" NOT NULL,
    month   TEXT COLLATE "C" NOT NULL,
    cost    BIGINT           NOT NULL,
    alerted BIGINT           NOT NULL,
    PRIMARY KEY (tenant, team, month)
);

CREATE TABLE reserved (
    run    TEXT COLLATE "C" NOT NULL,
    path   TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    team   TEXT COLLATE "C" NOT NULL,
    cost   BIGINT           NOT NULL,
    PRIMARY KEY (run, path)
);
CREATE INDEX reserved_tenant ON reserved (tenant, team);

CREATE TABLE leaves (
    leaf     BIGINT PRIMARY KEY,
    position BIGINT NOT NULL UNIQUE,
    stream   BYTEA  NOT NULL,
    seq      BIGINT NOT NULL,
    hash     BYTEA  NOT NULL
);

CREATE TABLE tree_nodes (
    level  BIGINT NOT NULL,
    number BIGINT NOT NULL,
    hash   BYTEA  NOT NULL,
    PRIMARY KEY (level, number)
);

CREATE TABLE checkpoints (
    number BIGINT           PRIMARY KEY,
    size   BIGINT           NOT NULL,
    at     BIGINT           NOT NULL,
    note   TEXT COLLATE "C" NOT NULL
);

CREATE TABLE sinks (
    sink      TEXT COLLATE "C" PRIMARY KEY,
    number    BIGINT,
    at        BIGINT,
    failed_at BIGINT,
    problem   TEXT COLLATE "C"
);

CREATE TABLE feeds (
    feed      TEXT COLLATE "C" PRIMARY KEY,
    position  BIGINT           NOT NULL,
    failed_at BIGINT,
    problem   TEXT COLLATE "C"
);

CREATE TABLE policy_sets (
    tenant  TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    state   TEXT COLLATE "C" NOT NULL,
    by      TEXT COLLATE "C" NOT NULL,
    event   BIGINT           NOT NULL,
    PRIMARY KEY (tenant, version)
);

CREATE TABLE policy_stages (
    tenant  TEXT COLLATE "C" NOT NULL,
    stage   TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    share   BIGINT           NOT NULL,
    by      TEXT COLLATE "C" NOT NULL,
    event   BIGINT           NOT NULL,
    PRIMARY KEY (tenant, stage)
);

CREATE TABLE erasures (
    stream    TEXT COLLATE "C" PRIMARY KEY,
    tenant    TEXT COLLATE "C" NOT NULL,
    by        TEXT COLLATE "C" NOT NULL,
    at        BIGINT           NOT NULL,
    reason    TEXT COLLATE "C" NOT NULL,
    scrubbing TEXT COLLATE "C"
);
CREATE INDEX erasures_since ON erasures (at);
CREATE INDEX erasures_scrubbing ON erasures (scrubbing) WHERE scrubbing IS NOT NULL;

CREATE TABLE holds (
    tenant TEXT COLLATE "C" NOT NULL,
    what   TEXT COLLATE "C" NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    by     TEXT COLLATE "C" NOT NULL,
    at     BIGINT           NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, what, name)
);

CREATE TABLE retention (
    tenant   TEXT COLLATE "C" NOT NULL,
    data     TEXT COLLATE "C" NOT NULL,
    keep     BIGINT,
    at_least BIGINT,
    by       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, data)
);

CREATE TABLE masters (
    tenant     TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    generation BIGINT           NOT NULL,
    before     TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    by         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE memories (
    tenant      TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    space       TEXT COLLATE "C" NOT NULL,
    memory      TEXT COLLATE "C" NOT NULL,
    participant TEXT COLLATE "C" NOT NULL,
    about       TEXT COLLATE "C" NOT NULL,
    run         TEXT COLLATE "C" NOT NULL,
    path        TEXT COLLATE "C" NOT NULL,
    value       TEXT COLLATE "C" NOT NULL,
    sources     TEXT COLLATE "C" NOT NULL,
    at          BIGINT           NOT NULL,
    expires     BIGINT,
    replaces    TEXT COLLATE "C",
    by          TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    call        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX memories_kept ON memories (tenant, space, at) WHERE state = 'kept';
CREATE INDEX memories_run ON memories (run);
CREATE INDEX memories_expires ON memories (tenant, expires) WHERE state = 'kept';

CREATE TABLE documents (
    tenant     TEXT COLLATE "C" NOT NULL,
    collection TEXT COLLATE "C" NOT NULL,
    document   TEXT COLLATE "C" NOT NULL,
    about      TEXT COLLATE "C" NOT NULL,
    digest     TEXT COLLATE "C" NOT NULL,
    passages   BIGINT           NOT NULL,
    by         TEXT COLLATE "C" NOT NULL,
    at         BIGINT           NOT NULL,
    PRIMARY KEY (tenant, collection, document)
);

CREATE TABLE passages (
    tenant     TEXT COLLATE "C" NOT NULL,
    collection TEXT COLLATE "C" NOT NULL,
    document   TEXT COLLATE "C" NOT NULL,
    number     BIGINT           NOT NULL,
    text       TEXT COLLATE "C" NOT NULL,
    words      BIGINT           NOT NULL,
    PRIMARY KEY (tenant, collection, document, number)
);

CREATE TABLE postings (
    tenant     TEXT COLLATE "C" NOT NULL,
    collection TEXT COLLATE "C" NOT NULL,
    word       BYTEA            NOT NULL,
    document   TEXT COLLATE "C" NOT NULL,
    places     BYTEA            NOT NULL,
    PRIMARY KEY (tenant, collection, word, document)
);
