-- Records to read again, longest waiting first. user_id, connection_id, object_type, limit
select record_id, received_at
from sync_hints
where user_id = $1 and connection_id = $2 and object_type = $3
order by received_at, record_id
limit $4
