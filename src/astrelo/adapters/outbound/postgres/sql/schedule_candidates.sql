-- Active connections of all users without an open run, and when their last runs were asked for.
-- Runs that only follow webhooks do not count. No parameters.
select connection.user_id, connection.id as connection_id, connection.provider,
       max(run.requested_at) as last_requested_at,
       max(run.requested_at) filter (where run.mode = 'full') as last_full_requested_at
from crm_connections as connection
left join sync_runs as run
    on run.user_id = connection.user_id and run.connection_id = connection.id and run.mode <> 'events'
where connection.status = 'active' and not exists (
    select from sync_runs as open_run
    where open_run.user_id = connection.user_id and open_run.connection_id = connection.id
      and open_run.status in ('queued', 'running', 'parked')
)
group by connection.user_id, connection.id, connection.provider
