-- Keep that a sync was asked for while one was running. user_id, connection_id, now
update crm_connections set sync_requested_at = $3 where user_id = $1 and id = $2
