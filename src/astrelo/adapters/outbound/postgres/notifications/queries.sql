-- name: notify_users
-- Tell every process that listens that something of these users has changed, once the transaction is committed.
select pg_notify('astrelo_events', changed.user_id::text) from unnest(:user_ids::uuid[]) as changed (user_id)

-- name: check_listener
-- Whether the connection that listens is still alive.
select true
