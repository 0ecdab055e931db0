-- Forget that a sync was asked for; returns its mode if one was. user_id, connection_id
update crm_connections set sync_requested_at = null, sync_requested_mode = null
from (
    select sync_requested_mode as mode from crm_connections where user_id = $1 and id = $2 for update
) as asked
where user_id = $1 and id = $2 and sync_requested_at is not null
returning asked.mode
