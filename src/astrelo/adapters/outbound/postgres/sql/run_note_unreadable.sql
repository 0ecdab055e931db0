-- Add to a run's account of what could not be kept as it is. user_id, run_id, object_type, entries as jsonb
-- ({field, trouble, records, record_ids} each), how many record ids are kept of each
insert into sync_unreadable as noted (user_id, run_id, object_type, field, trouble, records, record_ids)
select $1, $2, $3, entry.field, entry.trouble, entry.records, entry.record_ids[:$5]
from jsonb_to_recordset($4::jsonb) as entry (field text, trouble text, records bigint, record_ids text[])
on conflict (user_id, run_id, object_type, field, trouble) do update
set records = noted.records + excluded.records,
    record_ids = (noted.record_ids || excluded.record_ids)[:$5]
