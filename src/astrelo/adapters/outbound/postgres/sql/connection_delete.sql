-- Delete a connection; tokens, freshness and runs go with it. user_id, id
delete from crm_connections where user_id = $1 and id = $2
