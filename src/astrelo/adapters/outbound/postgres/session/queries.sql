-- name: has_migrations_table
-- Whether this database was ever migrated.
select to_regclass('_pogo_migration') is not null

-- name: list_applied_migrations
-- Names of the migrations that this database has.
select migration_id from _pogo_migration

-- name: release_migration_lock
-- Give back the lock taken by try_migration_lock.
select pg_advisory_unlock(:lock_key::bigint)

-- name: try_migration_lock
-- Take the lock that lets one process at a time migrate this database; false when another holds it. Held by
-- the session until released or disconnected.
select pg_try_advisory_lock(:lock_key::bigint)
