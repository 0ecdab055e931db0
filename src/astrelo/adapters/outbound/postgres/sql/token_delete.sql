-- Delete a connection's tokens. user_id, connection_id
delete from crm_tokens where user_id = $1 and connection_id = $2
