-- Remember a batch's ids. user_id, run_id, object_type, first id, last id, separator,
-- joined ids
insert into sync_seen (user_id, run_id, object_type, first_id, last_id, ids)
values ($1, $2, $3, $4, $5, string_to_array($7, $6))
