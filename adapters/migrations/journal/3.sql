-- Rights to see the administrator's page: `once` is 1 for one that is to be exchanged for another.
CREATE TABLE IF NOT EXISTS passes (
    secret BINARY(32) NOT NULL PRIMARY KEY,
    once BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
