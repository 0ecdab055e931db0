-- Take the lock that lets one process at a time migrate this database; false when another holds it.
-- $1 key of the lock (bigint). Held by the session until released or disconnected.
select pg_try_advisory_lock($1::bigint)
