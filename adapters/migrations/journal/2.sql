-- Chunks that are not as they were, where they lie (the row of one that lies elsewhere now says nothing).
CREATE TABLE IF NOT EXISTS damaged (
    folder BINARY(16) NOT NULL,
    chunk BINARY(32) NOT NULL,
    pack BINARY(16) NOT NULL,
    pack_offset BIGINT NOT NULL,
    PRIMARY KEY (folder, chunk)
);
