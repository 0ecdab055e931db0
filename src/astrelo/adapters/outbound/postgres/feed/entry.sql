{source}_{kind} as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select :user_id, :revision, '{record_type}', count(*), array_agg(part.id), {deletion}, {merged_into}
    from (select *, (row_number() over () - 1) / 1000 as number from {source}) as part
    group by part.number
)
