-- A sample of the records that a run could not keep, in the order in which they came.
-- Parameters: 1 user_id, 2 run_id, 3 how many of each object type.
select object_type, record_id, reason
from (
    select object_type, record_id, reason, ordinal,
        row_number() over (partition by object_type order by ordinal) as place
    from sync_rejections
    where user_id = $1 and run_id = $2
) numbered
where place <= $3
order by object_type, ordinal
