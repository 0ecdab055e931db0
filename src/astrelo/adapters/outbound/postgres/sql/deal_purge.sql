-- Delete a source's deals. user_id, source
delete from deals where user_id = $1 and external_source = $2
