-- Delete a source's deals with their contacts. user_id, source
delete from deals where user_id = $1 and external_source = $2
