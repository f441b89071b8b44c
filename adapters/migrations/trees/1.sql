CREATE TABLE records (
    node BLOB NOT NULL PRIMARY KEY,
    record BLOB NOT NULL
) WITHOUT ROWID;

-- One row, or none.
CREATE TABLE header (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 0),
    header BLOB NOT NULL
);

-- What happened, for people: appended to, never changed.
CREATE TABLE log (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    time_ms INTEGER NOT NULL,
    device BLOB NOT NULL,
    line BLOB NOT NULL
);
