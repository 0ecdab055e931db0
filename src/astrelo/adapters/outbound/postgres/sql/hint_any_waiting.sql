-- Whether any record of a connection is to be read again. user_id, connection_id
select exists (select from sync_hints where user_id = $1 and connection_id = $2)
