-- Sort keys of index entries that are longer than what a row of the primary key holds: their rest. See ddl.py.
DO $$
DECLARE
    entries record;
BEGIN
    FOR entries IN SELECT 'x_' || id || '_' || unnest(indexes) AS name FROM tables LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN IF NOT EXISTS rest bytea', entries.name);
    END LOOP;
END
$$;
