-- How many live records a source has. user_id, source
select count(*) from contacts where user_id = $1 and external_source = $2 and archived_at is null
