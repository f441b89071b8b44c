-- What lines are found by. `found` holds device and paths in small letters; older lines are filled in
-- when the file is opened, the first one last.
ALTER TABLE log ADD COLUMN action INTEGER;
ALTER TABLE log ADD COLUMN path BLOB;
ALTER TABLE log ADD COLUMN from_path BLOB;
ALTER TABLE log ADD COLUMN found BLOB;
CREATE INDEX log_by_action ON log (action);
CREATE INDEX log_by_device ON log (device);
CREATE INDEX log_by_path ON log (path);
CREATE INDEX log_by_from ON log (from_path);
