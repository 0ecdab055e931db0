-- Forget that a sync was asked for; returns a row if one was. user_id, connection_id
update crm_connections set sync_requested_at = null
where user_id = $1 and id = $2 and sync_requested_at is not null
returning id
