-- Insert a run. user_id, id, connection_id, provider, account_id, mode, status, requested_at
insert into sync_runs (
    user_id, id, connection_id, provider, account_id, mode, status, requested_at, attempts
)
values ($1, $2, $3, $4, $5, $6, $7, $8, 0)
