-- Whether a live company has this id. user_id, company id
select exists (select from companies where user_id = $1 and id = $2 and archived_at is null)
