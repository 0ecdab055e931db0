-- Whether this database was ever migrated.
-- Parameters: none.
select to_regclass('_pogo_migration') is not null
