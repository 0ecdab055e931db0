-- Insert or update a connection.
-- user_id, id, provider, account_id, account_name, account_currency, account_time_zone,
-- scopes, status, reason, connected_at, account_domain, connected_by
insert into crm_connections (user_id, id, provider, account_id, account_name, account_currency,
                             account_time_zone, scopes, status, reason, connected_at,
                             account_domain, connected_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
on conflict (user_id, id) do update set
    account_id = excluded.account_id,
    account_name = excluded.account_name,
    account_currency = excluded.account_currency,
    account_time_zone = excluded.account_time_zone,
    scopes = excluded.scopes,
    status = excluded.status,
    reason = excluded.reason,
    connected_at = excluded.connected_at,
    account_domain = excluded.account_domain,
    connected_by = excluded.connected_by
