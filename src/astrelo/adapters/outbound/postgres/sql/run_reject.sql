-- Keep rejected records. user_id, run_id, object_type, record ids, reasons
insert into sync_rejections (user_id, run_id, object_type, record_id, reason)
select $1, $2, $3, rejected.record_id, rejected.reason
from unnest($4::text[], $5::text[]) as rejected (record_id, reason)
