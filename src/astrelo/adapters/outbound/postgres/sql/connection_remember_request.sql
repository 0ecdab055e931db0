-- Keep that a sync was asked for while one was under way, of the most thorough mode asked for.
-- user_id, connection_id, now, mode
update crm_connections
set sync_requested_at = $3,
    sync_requested_mode = case
        when 'full' in ($4, sync_requested_mode) then 'full'
        when 'incremental' in ($4, sync_requested_mode) then 'incremental'
        else $4
    end
where user_id = $1 and id = $2
