-- Keep the latest word about records. user_id, connection_id, now, object types, record ids
insert into sync_hints as known (user_id, connection_id, received_at, object_type, record_id)
select $1, $2, $3, told.object_type, told.record_id
from unnest($4::text[], $5::text[]) as told (object_type, record_id)
on conflict (user_id, connection_id, object_type, record_id) do update
set received_at = greatest(known.received_at, excluded.received_at)
