-- Names and texts are bytes: text collations hold `f ` equal to `f`. Rows that only the program looks
-- into are one encoded column; what is searched by has a column of its own. SQLite and MySQL take every
-- statement, and a second time as well: where what changes a schema ends a transaction, it may be cut off.
CREATE TABLE IF NOT EXISTS folders (
    id BINARY(16) NOT NULL PRIMARY KEY,
    name VARBINARY(255) NOT NULL UNIQUE,
    seq BIGINT NOT NULL,
    chain BINARY(32) NOT NULL,
    tree_sum BINARY(32) NOT NULL,
    bytes BIGINT NOT NULL,
    quota BIGINT NULL
);

CREATE TABLE IF NOT EXISTS entries (
    folder BINARY(16) NOT NULL,
    seq BIGINT NOT NULL,
    chain BINARY(32) NOT NULL,
    entry LONGBLOB NOT NULL,
    PRIMARY KEY (folder, seq)
);

-- `live_name` is NULL for a tombstone: NULLs do not clash, so the index holds for the living alone.
CREATE TABLE IF NOT EXISTS nodes (
    folder BINARY(16) NOT NULL,
    node BINARY(16) NOT NULL,
    parent BINARY(16) NOT NULL,
    live_name VARBINARY(255) NULL,
    content BINARY(32) NULL,
    node_row LONGBLOB NOT NULL,
    PRIMARY KEY (folder, node),
    CONSTRAINT nodes_by_name UNIQUE (folder, parent, live_name)
);

CREATE TABLE IF NOT EXISTS outcomes (
    device BINARY(16) NOT NULL,
    commit_key BINARY(16) NOT NULL,
    seq BIGINT NOT NULL,
    outcome LONGBLOB NOT NULL,
    PRIMARY KEY (device, commit_key),
    CONSTRAINT outcomes_by_seq UNIQUE (device, seq, commit_key)
);

CREATE TABLE IF NOT EXISTS devices (
    id BINARY(16) NOT NULL PRIMARY KEY,
    folder BINARY(16) NOT NULL,
    name VARBINARY(1020) NOT NULL,
    token BINARY(32) NOT NULL UNIQUE,
    writable BIGINT NOT NULL,
    revoked BIGINT NOT NULL,
    acknowledged BIGINT NOT NULL,
    lineage BINARY(16) NULL,
    last_seen BIGINT NULL
);

CREATE TABLE IF NOT EXISTS invites (
    secret BINARY(32) NOT NULL PRIMARY KEY,
    folder BINARY(16) NOT NULL,
    read_only BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    uses BIGINT NOT NULL
);

-- A content is here when it is whole: inline, or as the parts of its manifest.
CREATE TABLE IF NOT EXISTS contents (
    folder BINARY(16) NOT NULL,
    content BINARY(32) NOT NULL,
    size BIGINT NOT NULL,
    inline_bytes LONGBLOB NULL,
    PRIMARY KEY (folder, content)
);

CREATE TABLE IF NOT EXISTS manifests (
    folder BINARY(16) NOT NULL,
    content BINARY(32) NOT NULL,
    part BIGINT NOT NULL,
    chunks LONGBLOB NOT NULL,
    PRIMARY KEY (folder, content, part)
);

CREATE TABLE IF NOT EXISTS chunks (
    folder BINARY(16) NOT NULL,
    chunk BINARY(32) NOT NULL,
    pack BINARY(16) NOT NULL,
    pack_offset BIGINT NOT NULL,
    size BIGINT NOT NULL,
    PRIMARY KEY (folder, chunk)
);

CREATE TABLE IF NOT EXISTS settings (
    name VARBINARY(64) NOT NULL PRIMARY KEY,
    setting LONGBLOB NOT NULL
);
