-- Delete a source's contacts. user_id, source
delete from contacts where user_id = $1 and external_source = $2
