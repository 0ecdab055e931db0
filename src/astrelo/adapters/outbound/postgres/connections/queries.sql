-- name: list_connected_users
-- Who has connected a CRM account, across users.
select user_id, id as connection_id
from crm_connections
where provider = :provider and account_id = :account_id and status = 'active'
order by user_id

-- name: get_connection_by_id
-- A user's connection.
select id, user_id, provider, account_id, account_name, account_currency, account_time_zone,
       account_domain, app_url, scopes, status, reason, connected_at, connected_by
from crm_connections
where user_id = :user_id and id = :connection_id

-- name: get_connection
-- A user's connection to one CRM.
select id, user_id, provider, account_id, account_name, account_currency, account_time_zone,
       account_domain, app_url, scopes, status, reason, connected_at, connected_by
from crm_connections
where user_id = :user_id and provider = :provider

-- name: lock_connection
-- Hold, until the transaction ends, the right to change a user's connection to a CRM, also one that is not
-- there yet (a row lock could not: two first connects would both find nothing).
select pg_advisory_xact_lock(hashtextextended(:user_id::uuid::text || '/' || :provider::text, 7272))

-- name: save_connection
-- Insert or update a connection.
insert into crm_connections (user_id, id, provider, account_id, account_name, account_currency,
                             account_time_zone, scopes, status, reason, connected_at,
                             account_domain, connected_by, app_url)
values (
    :user_id, :connection_id, :provider, :account_id, :account_name, :account_currency, :account_time_zone,
    :scopes, :status, :reason, :connected_at, :account_domain, :connected_by,
    :app_url
)
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
    connected_by = excluded.connected_by,
    app_url = excluded.app_url

-- name: release_accounts_of_connection
-- Take the runs of a connection that is about to go off its CRM account.
delete from account_runs where connection_id = :connection_id

-- name: delete_connection
-- Delete a connection; tokens, freshness and runs go with it.
delete from crm_connections where user_id = :user_id and id = :connection_id

-- name: get_freshness
-- What is known to be stored of a connection's object types.
select object_type, complete_as_of, watermark, reading_version
from connection_freshness
where user_id = :user_id and connection_id = :connection_id

-- name: mark_complete
-- Note what is stored of an object type; neither time moves back.
insert into connection_freshness as known (
    user_id, connection_id, object_type, complete_as_of, watermark, reading_version
)
values (:user_id, :connection_id, :object_type, :complete_as_of, :watermark, :reading_version)
on conflict (user_id, connection_id, object_type) do update
set complete_as_of = greatest(known.complete_as_of, excluded.complete_as_of),
    watermark = greatest(known.watermark, excluded.watermark), reading_version = excluded.reading_version

-- name: get_user_of_connection
-- The user that a connection belongs to, looked up across users.
select user_id
from crm_connections
where id = :connection_id

-- name: remember_sync_request
-- Keep that a sync was requested while one was under way, with the most thorough mode requested.
update crm_connections
set sync_requested_at = :at,
    sync_requested_mode = case
        when 'full' in (:mode, sync_requested_mode) then 'full'
        when 'incremental' in (:mode, sync_requested_mode) then 'incremental'
        else :mode
    end
where user_id = :user_id and id = :connection_id

-- name: take_sync_request
-- Forget that a sync was requested; returns its mode if one was.
update crm_connections set sync_requested_at = null, sync_requested_mode = null
from (
    select sync_requested_mode as mode
    from crm_connections
    where user_id = :user_id and id = :connection_id
    for update
) as asked
where user_id = :user_id and id = :connection_id and sync_requested_at is not null
returning asked.mode

-- name: read_connections
-- A user's connections with how complete each object type is.
select c.id, c.provider, c.status, c.reason, c.account_id, c.account_name, c.account_domain, c.scopes,
    c.connected_at, c.connected_by,
    (select coalesce(jsonb_object_agg(f.object_type, f.complete_as_of), '{}')::text
     from connection_freshness f
     where f.user_id = :user_id and f.connection_id = c.id) as complete_as_of,
    counted.counts::text as counts, counted.counted_at
from crm_connections c
left join connection_counts as counted on counted.user_id = c.user_id and counted.connection_id = c.id
where c.user_id = :user_id
order by c.provider

-- name: count_records
-- Count the live records of one CRM, and keep the counts with its connection.
insert into connection_counts as kept (user_id, connection_id, counted_at, counts)
select :user_id, connection.id, :at, jsonb_build_object(
    'companies', (
        select jsonb_build_object('records', count(*), 'entities', count(distinct company_id))
        from crm_companies
        where user_id = :user_id and external_source = :provider and archived_at is null),
    'contacts', (
        select jsonb_build_object(
            'total', count(*),
            'linked', jsonb_build_object(
                <<company_matches: '{value}', count(*) filter (where company_match = '{value}')>>),
            'unlinked', jsonb_build_object(
                <<unlinked_reasons: '{value}', count(*) filter (where unlinked_reason = '{value}')>>))
        from contacts
        where user_id = :user_id and external_source = :provider and archived_at is null),
    'deals', (
        select jsonb_build_object(
            'total', count(*), 'linked', count(company_id), 'unlinked', count(*) - count(company_id))
        from deals
        where user_id = :user_id and external_source = :provider and archived_at is null),
    'owners', (select count(*) from crm_owners where user_id = :user_id and external_source = :provider)
)
from crm_connections as connection
where connection.user_id = :user_id and connection.provider = :provider
on conflict (user_id, connection_id) do update
set counted_at = excluded.counted_at, counts = excluded.counts

-- name: count_companies
-- Count a user's live companies, and those that live records of several CRMs make up, and keep the counts.
insert into company_counts as kept (user_id, counted_at, companies, with_two_sources)
select :user_id, :at, count(*), count(*) filter (where first_source <> last_source)
from (
    select min(external_source) as first_source, max(external_source) as last_source
    from crm_companies
    where user_id = :user_id and archived_at is null
    group by company_id
) as company
on conflict (user_id) do update
set counted_at = excluded.counted_at, companies = excluded.companies,
    with_two_sources = excluded.with_two_sources

-- name: add_oauth_state
-- Keep a started authorization.
insert into oauth_states
    (state_hash, browser_hash, user_id, provider, code_verifier, replace, return_path, expires_at, login_host)
values (
    :state_hash, :browser_hash, :user_id, :provider, :code_verifier, :replace, :return_path, :expires_at,
    :login_host
)

-- name: consume_oauth_state
-- Take a started authorization out: of two callbacks at once, one gets it.
delete from oauth_states
where state_hash = :state_hash
returning
    state_hash, browser_hash, user_id, provider, code_verifier, replace, return_path, expires_at, login_host

-- name: delete_expired_oauth_states
-- Forget authorizations that were abandoned.
delete from oauth_states where expires_at < :expired_before
