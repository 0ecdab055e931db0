-- Note what is stored of an object type; neither time moves back.
-- user_id, connection_id, object_type, complete_as_of, watermark, reading_version
insert into connection_freshness as known (
    user_id, connection_id, object_type, complete_as_of, watermark, reading_version
)
values ($1, $2, $3, $4, $5, $6)
on conflict (user_id, connection_id, object_type) do update
set complete_as_of = greatest(known.complete_as_of, excluded.complete_as_of),
    watermark = greatest(known.watermark, excluded.watermark), reading_version = excluded.reading_version
