-- A run. user_id, id
select id, user_id, connection_id, provider, account_id, mode, status, reason,
       requested_at, started_at, finished_at, parked_until, attempts, owners_status, owners_reason
from sync_runs
where user_id = $1 and id = $2
