-- Active connections of all users without an open run, and when their last runs were asked for; one that
-- failed counts from its failure, so that it is tried again in the next slot and not at once. Runs that
-- only follow webhooks do not count. No parameters.
select connection.user_id, connection.id as connection_id, connection.provider,
       greatest(
           case when whole.status = 'failed' then whole.finished_at else whole.requested_at end,
           case when increment.status = 'failed' then increment.finished_at else increment.requested_at end
       ) as last_requested_at,
       whole.requested_at as last_full_requested_at
from crm_connections as connection
left join lateral (
    select run.requested_at, run.finished_at, run.status
    from sync_runs as run
    where run.user_id = connection.user_id and run.connection_id = connection.id and run.mode = 'full'
    order by run.requested_at desc
    limit 1
) as whole on true
left join lateral (
    select run.requested_at, run.finished_at, run.status
    from sync_runs as run
    where run.user_id = connection.user_id and run.connection_id = connection.id
      and run.mode = 'incremental'
    order by run.requested_at desc
    limit 1
) as increment on true
where connection.status = 'active' and not exists (
    select from sync_runs as open_run
    where open_run.user_id = connection.user_id and open_run.connection_id = connection.id
      and open_run.status in ('queued', 'running', 'parked')
)
