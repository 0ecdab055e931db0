-- Note up to when an object type is complete; never moves back. user_id, connection_id, object_type, as_of
insert into connection_freshness (user_id, connection_id, object_type, complete_as_of)
values ($1, $2, $3, $4)
on conflict (user_id, connection_id, object_type) do update set
    complete_as_of = excluded.complete_as_of
where connection_freshness.complete_as_of < excluded.complete_as_of
