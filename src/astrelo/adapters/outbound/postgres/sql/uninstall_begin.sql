-- Begin an uninstall, unless an active connection lives on the account, whoever's it is, or another uninstall is under
-- way; one that never ended is forgotten after a minute. provider, account_id
insert into app_uninstalls as known (provider, account_id, number, is_under_way, begun_at)
select $1, $2, nextval('app_uninstall_numbers'), true, now()
where not exists (
    select from crm_connections where provider = $1 and account_id = $2 and status = 'active'
)
on conflict (provider, account_id) do update
set number = excluded.number, is_under_way = true, begun_at = excluded.begun_at
where not known.is_under_way or known.begun_at < now() - interval '1 minute'
returning number
