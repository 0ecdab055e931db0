-- The id of a connection's latest run. user_id, connection_id
select id
from sync_runs
where user_id = $1 and connection_id = $2
order by requested_at desc, id desc
limit 1
