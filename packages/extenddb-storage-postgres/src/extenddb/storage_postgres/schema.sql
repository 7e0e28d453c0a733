-- The schema after all migrations; a test compares.

CREATE TABLE tables (
    id text COLLATE "C" PRIMARY KEY,
    namespace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    epoch int NOT NULL,
    indexes text[] NOT NULL,
    version bigint NOT NULL,
    document bytea NOT NULL,
    -- Indexes of vectors: `id dimensions distance` of each.
    vectors text[] NOT NULL DEFAULT '{}',
    CONSTRAINT tables_name UNIQUE (namespace, name)
);

CREATE TABLE documents (
    kind text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    body bytea NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (kind, key)
);

CREATE TABLE leases (
    name text COLLATE "C" PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    expires timestamptz NOT NULL
);

-- How far each stream is published; its row is the lock of its publishers.
CREATE TABLE streams (
    id text COLLATE "C" PRIMARY KEY,
    last bigint NOT NULL
);

-- `serial` is drawn after the locks of the rows it is about, so it grows in commit order for every key, but not over
-- all of them: readers order by `seq`, which publication gives out.
CREATE TABLE changes (
    stream text COLLATE "C" NOT NULL,
    serial bigint GENERATED ALWAYS AS IDENTITY,
    seq bigint,
    b bigint NOT NULL,
    created bigint NOT NULL,
    body bytea NOT NULL
);
ALTER TABLE changes ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX changes_seq ON changes (stream, seq) WHERE seq IS NOT NULL;
CREATE INDEX changes_pending ON changes (stream, serial) WHERE seq IS NULL;
CREATE INDEX changes_created ON changes (stream, created);
