-- What a run could not keep as it is, with up to 20 record ids of each column and trouble.
-- Parameters: 1 user_id, 2 provider, 3 run_id, 4 field or null.
select noted.object_type, noted.field, noted.trouble, noted.records, noted.record_ids
from sync_unreadable as noted
join sync_runs as run on run.user_id = $1 and run.id = noted.run_id and run.provider = $2
where noted.user_id = $1 and noted.run_id = $3 and ($4::text is null or noted.field = $4)
order by noted.object_type, noted.field, noted.trouble
