-- Indexes of vectors: `id dimensions distance` of each.
ALTER TABLE tables ADD COLUMN vectors text[] NOT NULL DEFAULT '{}';
