-- Names of the migrations that this database has.
-- Parameters: none.
select migration_id from _pogo_migration
