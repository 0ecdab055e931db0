-- Give back the lock taken by try_migration_lock.
-- $1 key of the lock (bigint)
select pg_advisory_unlock($1::bigint)
