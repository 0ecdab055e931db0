-- absorb_companies
with fallen (id, survivor) as (
    select * from unnest($1::uuid[], $2::uuid[])
),
records as (
    update crm_companies as record set company_id = fallen.survivor
    from fallen where record.user_id = $3 and record.company_id = fallen.id
),
people as (
    update contacts as contact set company_id = fallen.survivor, revision = $4
    from fallen where contact.user_id = $3 and contact.company_id = fallen.id
    returning contact.id
),
opportunities as (
    update deals as deal set company_id = fallen.survivor, revision = $4
    from fallen where deal.user_id = $3 and deal.company_id = fallen.id
    returning deal.id
),
former as (
    update company_aliases as alias set company_id = fallen.survivor
    from fallen where alias.user_id = $3 and alias.company_id = fallen.id
),
people_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $3, $4, 'contacts', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from people) as part
    group by part.number
),
opportunities_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $3, $4, 'deals', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from opportunities) as part
    group by part.number
),
fallen_merged as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $3, $4, 'companies', count(*), array_agg(part.id), 'merged', array_agg(part.survivor)
    from (select *, (row_number() over () - 1) / 1000 as number from fallen) as part
    group by part.number
)
insert into company_aliases (user_id, alias_id, company_id)
select $3, fallen.id, fallen.survivor
from fallen
-- parameters: absorbed_ids, surviving_ids, user_id, revision

-- add_default_icp_profile
insert into icp_profiles (user_id, id, name, is_default, industries, naics,
                          employee_min, employee_max, revenue_ranges, countries)
select $1, $2, $3, $4, $5, $6, $7, $8,
    $9, $10
where not exists (select from icp_profiles where user_id = $1)
on conflict do nothing
-- parameters: user_id, icp_profile_id, name, is_default, industries, naics, employee_min, employee_max, revenue_ranges, countries

-- add_missing_to_schedule
insert into sync_schedule (connection_id, user_id, provider, due_at)
select missing.connection_id, missing.user_id, missing.provider, $1
from unnest($2::uuid[], $3::uuid[], $4::text[])
    as missing (connection_id, user_id, provider)
on conflict (connection_id) do nothing
-- parameters: due_at, connection_ids, user_ids, providers

-- add_oauth_state
insert into oauth_states
    (state_hash, browser_hash, user_id, provider, code_verifier, replace, return_path, expires_at, login_host)
values (
    $1, $2, $3, $4, $5, $6, $7, $8,
    $9
)
-- parameters: state_hash, browser_hash, user_id, provider, code_verifier, replace, return_path, expires_at, login_host

-- add_pending_refetches
insert into pending_refetches as known (user_id, connection_id, received_at, object_type, record_id)
select $1, $2, $3, incoming.object_type, incoming.record_id
from unnest($4::text[], $5::text[]) as incoming (object_type, record_id)
on conflict (user_id, connection_id, object_type, record_id) do update
set received_at = greatest(known.received_at, excluded.received_at)
-- parameters: user_id, connection_id, at, object_types, record_ids

-- add_rejections
insert into sync_rejections (user_id, run_id, object_type, record_id, reason)
select $1, $2, $3, rejected.record_id, rejected.reason
from unnest($4::text[], $5::text[]) as rejected (record_id, reason)
-- parameters: user_id, run_id, object_type, record_ids, reasons

-- add_run
insert into sync_runs (
    user_id, id, connection_id, provider, account_id, mode, status, requested_at, attempts
)
values ($1, $2, $3, $4, $5, $6, $7, $8, 0)
-- parameters: user_id, run_id, connection_id, provider, account_id, mode, status, requested_at

-- add_sign_in_ticket
insert into sign_in_tickets (ticket_hash, user_id, expires_at)
values ($1, $2, $3)
-- parameters: ticket_hash, user_id, expires_at

-- add_steps
insert into sync_steps (
    user_id, run_id, object_type, window_start, window_end, reading_version, status, epoch,
    received, repeats, inserted, updated, unchanged, stale, rejected, unreadable
)
select $1, $2, incoming.*, 'pending', 0, 0, 0, 0, 0, 0, 0, '{}', '{}'
from unnest(
    $3::text[], $4::timestamptz[], $5::timestamptz[],
    $6::bytea[]
) as incoming
-- parameters: user_id, run_id, object_types, window_starts, window_ends, reading_versions

-- add_to_schedule
insert into sync_schedule as scheduled (connection_id, user_id, provider, due_at)
values ($1, $2, $3, $4)
on conflict (connection_id) do update
set due_at = excluded.due_at
where excluded.due_at < scheduled.due_at
-- parameters: connection_id, user_id, provider, due_at

-- add_webhook_delivery
insert into webhook_deliveries
    (user_id, id, endpoint_id, topic, payload, created_at, status, attempts, recent_attempts, next_attempt_at)
values (
    $1, $2, $3, $4, $5, $6, $7, 0, 0, $8
)
on conflict (user_id, endpoint_id, topic)
    where status = 'pending' and topic in ('changes.available', 'webhook_endpoint.test')
    do nothing
-- parameters: user_id, delivery_id, endpoint_id, topic, payload, created_at, status, next_attempt_at

-- add_webhook_endpoint
insert into webhook_endpoints (user_id, id, url, topics, secret, created_at)
values ($1, $2, $3, $4, $5, $6)
-- parameters: user_id, endpoint_id, url, topics, secret, created_at

-- advance_step
update sync_steps
set status = $1, cursor = $2, received = $3, repeats = $4, inserted = $5,
    updated = $6, unchanged = $7, stale = $8, archived = $9, merged = $10,
    rejected = $11, unreadable = $12, hidden = $13,
    expected_total = $14, reason = $15
where user_id = $16 and run_id = $17 and object_type = $18 and epoch = $19
returning epoch
-- parameters: status, cursor, received, repeats, inserted, updated, unchanged, stale, archived, merged, rejected, unreadable, hidden, expected_total, reason, user_id, run_id, object_type, epoch

-- allow_nested_loops
select set_config('enable_nestloop', 'on', true)
-- parameters: none

-- append_to_feed
with entry as (
    select from feed_entries where user_id = $1 and revision = $2 limit 1
),
head as (
    insert into feed_heads as head (user_id, position)
    select $1, 1 from entry
    on conflict (user_id) do update set position = head.position + 1
    returning position
)
insert into feed_revisions (user_id, position, revision, committed_at)
select $1, position, $2, clock_timestamp() from head
-- parameters: user_id, revision

-- archive_companies
with emptied as (
    update companies
    set archived_at = $1, revision = $2, domain = null
    where user_id = $3 and id = any ($4::uuid[]) and archived_at is null
    returning id
),
emptied_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $3, $2, 'companies', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from emptied) as part
    group by part.number
)
select count(*) from emptied
-- parameters: at, revision, user_id, company_ids

-- archive_company_records
update crm_companies
set archived_at = $1
where user_id = $2 and external_source = $3 and external_provider_id = any ($4::text[])
  and archived_at is null
-- parameters: at, user_id, source, record_ids

-- archive_contacts
with gone as (
    update contacts
    set archived_at = $1, revision = $2
    where user_id = $3 and external_source = $4
      and external_provider_id = any ($5::text[]) and archived_at is null
    returning id
),
gone_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $3, $2, 'contacts', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from gone) as part
    group by part.number
)
select count(*) from gone
-- parameters: at, revision, user_id, source, record_ids

-- archive_deals
with gone as (
    update deals
    set archived_at = $1, revision = $2
    where user_id = $3 and external_source = $4
      and external_provider_id = any ($5::text[]) and archived_at is null
    returning id
),
gone_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $3, $2, 'deals', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from gone) as part
    group by part.number
)
select count(*) from gone
-- parameters: at, revision, user_id, source, record_ids

-- are_links_decided
select exists (
    select 1
    from linked_feeds as linked
    join feed_heads as head on head.user_id = $1 and head.position = linked.position
    where linked.user_id = $1
)
-- parameters: user_id

-- begin_idempotent_request
insert into idempotency_keys (user_id, key, fingerprint, started_at)
values ($1, $2, $3, $4)
on conflict (user_id, key) do update
set fingerprint = excluded.fingerprint,
    started_at = excluded.started_at,
    status = null,
    media_type = null,
    location = null,
    body = null
where idempotency_keys.started_at < $5
   or (idempotency_keys.status is null and idempotency_keys.started_at < $6)
-- parameters: user_id, key, fingerprint, started_at, expired_before, abandoned_before

-- begin_refresh
update crm_tokens set refresh_attempts = refresh_attempts + 1
where user_id = $1 and connection_id = $2
returning refresh_attempts
-- parameters: user_id, connection_id

-- begin_uninstall
insert into app_uninstalls as known (provider, account_id, number, is_under_way, begun_at)
select $1, $2, nextval('app_uninstall_numbers'), true, now()
where not exists (
    select 1 from crm_connections where provider = $1 and account_id = $2 and status = 'active'
)
on conflict (provider, account_id) do update
set number = excluded.number, is_under_way = true, begun_at = excluded.begun_at
where known.number <= $3 and (not known.is_under_way or known.begun_at < now() - interval '1 minute')
returning number
-- parameters: provider, account_id, since

-- check_listener
select true
-- parameters: none

-- claim_scheduled
update sync_schedule
set due_at = $1
where connection_id in (
    select connection_id
    from sync_schedule
    where due_at <= $2
    order by due_at
    limit $3
    for update skip locked
)
returning user_id, connection_id, provider
-- parameters: until, now, limit

-- complete_idempotent_request
update idempotency_keys
set status = $1, media_type = $2, location = $3, body = $4
where user_id = $5 and key = $6 and started_at = $7
-- parameters: status, media_type, location, body, user_id, key, started_at

-- consume_oauth_state
delete from oauth_states
where state_hash = $1
returning
    state_hash, browser_hash, user_id, provider, code_verifier, replace, return_path, expires_at, login_host
-- parameters: state_hash

-- consume_sign_in_ticket
delete from sign_in_tickets
where ticket_hash = $1
returning user_id, expires_at
-- parameters: ticket_hash

-- count_companies
insert into company_counts as kept (user_id, counted_at, companies, with_two_sources)
select $1, $2, count(*), count(*) filter (where first_source <> last_source)
from (
    select min(external_source) as first_source, max(external_source) as last_source
    from crm_companies
    where user_id = $1 and archived_at is null
    group by company_id
) as company
on conflict (user_id) do update
set counted_at = excluded.counted_at, companies = excluded.companies,
    with_two_sources = excluded.with_two_sources
-- parameters: user_id, at

-- count_live_company_records
select count(*)
from crm_companies
where user_id = $1 and external_source = $2 and archived_at is null
-- parameters: user_id, source

-- count_live_contacts
select count(*) from contacts where user_id = $1 and external_source = $2 and archived_at is null
-- parameters: user_id, source

-- count_live_deals
select count(*) from deals where user_id = $1 and external_source = $2 and archived_at is null
-- parameters: user_id, source

-- count_records
insert into connection_counts as kept (user_id, connection_id, counted_at, counts)
select $1, connection.id, $2, jsonb_build_object(
    'companies', (
        select jsonb_build_object('records', count(*), 'entities', count(distinct company_id))
        from crm_companies
        where user_id = $1 and external_source = $3 and archived_at is null),
    'contacts', (
        select jsonb_build_object(
            'total', count(*),
            'linked', jsonb_build_object(
                'provider_id', count(*) filter (where company_match = 'provider_id'),
                'email_domain', count(*) filter (where company_match = 'email_domain')),
            'unlinked', jsonb_build_object(
                'no_email', count(*) filter (where unlinked_reason = 'no_email'),
                'invalid_email', count(*) filter (where unlinked_reason = 'invalid_email'),
                'free_mail', count(*) filter (where unlinked_reason = 'free_mail'),
                'no_company', count(*) filter (where unlinked_reason = 'no_company'),
                'person_account', count(*) filter (where unlinked_reason = 'person_account')))
        from contacts
        where user_id = $1 and external_source = $3 and archived_at is null),
    'deals', (
        select jsonb_build_object(
            'total', count(*), 'linked', count(company_id), 'unlinked', count(*) - count(company_id))
        from deals
        where user_id = $1 and external_source = $3 and archived_at is null),
    'owners', (select count(*) from crm_owners where user_id = $1 and external_source = $3)
)
from crm_connections as connection
where connection.user_id = $1 and connection.provider = $3
on conflict (user_id, connection_id) do update
set counted_at = excluded.counted_at, counts = excluded.counts
-- parameters: user_id, at, provider

-- count_webhook_endpoints
select count(*) from webhook_endpoints where user_id = $1
-- parameters: user_id

-- count_written_since
select coalesce(sum(entry.size), 0)
from feed_revisions as revision
join feed_entries as entry on entry.user_id = $1 and entry.revision = revision.revision
where revision.user_id = $1 and revision.committed_at >= $2
  and entry.record_type = $3 and entry.deletion is null
-- parameters: user_id, since, record_type

-- delete_companies
with purged as (
    delete from companies where user_id = $1 and id = any ($2::uuid[]) returning id
),
purged_deleted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $1, $3, 'companies', count(*), array_agg(part.id), 'purged', null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from purged) as part
    group by part.number
)
select count(*) from purged
-- parameters: user_id, company_ids, revision

-- delete_company_records
delete from crm_companies where user_id = $1 and external_source = $2
-- parameters: user_id, source

-- delete_connection
delete from crm_connections where user_id = $1 and id = $2
-- parameters: user_id, connection_id

-- delete_contacts
with purged as (
    delete from contacts where user_id = $1 and external_source = $2 returning id
),
purged_deleted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $1, $3, 'contacts', count(*), array_agg(part.id), 'purged', null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from purged) as part
    group by part.number
)
select count(*) from purged
-- parameters: user_id, source, revision

-- delete_deals
with purged as (
    delete from deals where user_id = $1 and external_source = $2 returning id
),
purged_deleted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $1, $3, 'deals', count(*), array_agg(part.id), 'purged', null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from purged) as part
    group by part.number
)
select count(*) from purged
-- parameters: user_id, source, revision

-- delete_expired_idempotency_keys
delete from idempotency_keys where started_at < $1
-- parameters: expired_before

-- delete_expired_oauth_states
delete from oauth_states where expires_at < $1
-- parameters: expired_before

-- delete_expired_sign_in_tickets
delete from sign_in_tickets where expires_at < $1
-- parameters: expired_before

-- delete_owners
with purged as (
    delete from crm_owners where user_id = $1 and external_source = $2 returning id
),
purged_deleted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $1, $3, 'owners', count(*), array_agg(part.id), 'purged', null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from purged) as part
    group by part.number
)
select count(*) from purged
-- parameters: user_id, source, revision

-- delete_pending_webhook_deliveries
delete from webhook_deliveries
where user_id = $1 and endpoint_id = $2 and topic = $3 and status = 'pending'
  and id <> $4
-- parameters: user_id, endpoint_id, topic, delivery_id

-- delete_runs
with gone as (
    delete from sync_runs
    where user_id = $1 and id = any ($2::uuid[])
    returning connection_id, mode, finished_at, changed_nothing
)
insert into idle_runs as kept (user_id, connection_id, mode, day, runs)
select $1, connection_id, mode, (finished_at at time zone 'UTC')::date, count(*)
from gone
where changed_nothing
group by connection_id, mode, (finished_at at time zone 'UTC')::date
on conflict (user_id, connection_id, mode, day) do update
set runs = kept.runs + excluded.runs
-- parameters: user_id, run_ids

-- delete_tokens
delete from crm_tokens where user_id = $1 and connection_id = $2
-- parameters: user_id, connection_id

-- delete_webhook_endpoint
delete from webhook_endpoints where user_id = $1 and id = $2
-- parameters: user_id, endpoint_id

-- disable_nested_loops
select set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)
-- parameters: none

-- end_uninstall
update app_uninstalls
set number = nextval('app_uninstall_numbers'), is_under_way = false
where provider = $1 and account_id = $2 and number = $3
-- parameters: provider, account_id, number

-- erase_contacts
with deals_without as (
    update deals
    set provider_contact_ids = array(
        select id from unnest(provider_contact_ids) as named (id)
        where id <> all ($1::text[])
        order by id collate "C"
    ), contact_ids = array(
        select id from unnest(contact_ids) as arrived (id)
        where id <> all (array(
            select contact.id
            from contacts as contact
            where contact.user_id = $2 and contact.external_source = $3
              and contact.external_provider_id = any ($1::text[])
        ))
        order by id
    ), content_hash = '', revision = $4
    where user_id = $2 and external_source = $3 and provider_contact_ids && $1::text[]
    returning id
),
erased as (
    delete from contacts
    where user_id = $2 and external_source = $3
      and external_provider_id = any ($1::text[])
    returning id
),
deals_without_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $2, $4, 'deals', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from deals_without) as part
    group by part.number
),
erased_deleted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $2, $4, 'contacts', count(*), array_agg(part.id), 'erased', null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from erased) as part
    group by part.number
)
select count(*) from erased
-- parameters: record_ids, user_id, source, revision

-- find_companies_by_domain
select wanted.domain, coalesce(own.id, further.id) as company_id, own.id is null as is_additional
from unnest(string_to_array($1, $2)) as wanted (domain)
left join lateral (
    select id from companies where user_id = $3 and domain = wanted.domain offset 0
) as own on true
left join lateral (
    select min(record.company_id::text)::uuid as id
    from company_domains as further
    join crm_companies as record
        on record.user_id = $3 and record.external_source = further.external_source
        and record.external_provider_id = further.external_provider_id and record.archived_at is null
    where own.id is null and further.user_id = $3 and further.domain = wanted.domain
    having count(distinct record.company_id) = 1
    offset 0
) as further on true
where coalesce(own.id, further.id) is not null
-- parameters: domains, separator, user_id

-- find_companies_by_record
select external_provider_id as record_id, company_id
from crm_companies
where user_id = $1 and external_source = $2
  and external_provider_id = any (string_to_array($3, $4))
  and archived_at is null
-- parameters: user_id, source, record_ids, separator

-- find_idempotent_request
select fingerprint, started_at, status, media_type, location, body
from idempotency_keys
where user_id = $1 and key = $2
-- parameters: user_id, key

-- find_pending_webhook_delivery
select id
from webhook_deliveries
where user_id = $1 and endpoint_id = $2 and topic = $3 and status = 'pending'
-- parameters: user_id, endpoint_id, topic

-- follow_merged_companies
with merged (old_id, new_id) as (
    select * from unnest($1::text[], $2::text[])
),
people as (
    update contacts as contact set provider_company_id = merged.new_id, revision = $3
    from merged
    where contact.user_id = $4 and contact.external_source = $5
      and contact.provider_company_id = merged.old_id
    returning contact.id
),
opportunities as (
    update deals as deal set provider_company_id = merged.new_id, revision = $3
    from merged
    where deal.user_id = $4 and deal.external_source = $5
      and deal.provider_company_id = merged.old_id
    returning deal.id
),
people_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $4, $3, 'contacts', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from people) as part
    group by part.number
),
opportunities_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $4, $3, 'deals', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from opportunities) as part
    group by part.number
)
select count(*) from people
-- parameters: old_ids, new_ids, revision, user_id, source

-- follow_merged_contacts
with followed as (
    update deals
    set provider_contact_ids = array(
        select distinct coalesce(merged.new_id, named.id) collate "C" as id
        from unnest(provider_contact_ids) as named (id)
        left join unnest($1::text[], $2::text[]) as merged (old_id, new_id)
            on merged.old_id = named.id
        order by id
    ), revision = $3
    where user_id = $4 and external_source = $5 and provider_contact_ids && $1::text[]
    returning id
),
followed_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $4, $3, 'deals', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from followed) as part
    group by part.number
)
select count(*) from followed
-- parameters: old_ids, new_ids, revision, user_id, source

-- forget_seen
delete from sync_seen where user_id = $1 and run_id = $2
-- parameters: user_id, run_id

-- get_company_of_record
select company_id
from crm_companies
where user_id = $1 and external_source = $2 and external_provider_id = $3
  and archived_at is null
-- parameters: user_id, source, record_id

-- get_connection
select id, user_id, provider, account_id, account_name, account_currency, account_time_zone,
       account_domain, app_url, scopes, status, reason, connected_at, connected_by
from crm_connections
where user_id = $1 and provider = $2
-- parameters: user_id, provider

-- get_connection_by_id
select id, user_id, provider, account_id, account_name, account_currency, account_time_zone,
       account_domain, app_url, scopes, status, reason, connected_at, connected_by
from crm_connections
where user_id = $1 and id = $2
-- parameters: user_id, connection_id

-- get_freshness
select object_type, complete_as_of, watermark, reading_version
from connection_freshness
where user_id = $1 and connection_id = $2
-- parameters: user_id, connection_id

-- get_known_company_records
select external_provider_id as record_id, company_id as entity_id, content_hash, source_updated_at,
       archived_at, identity_domain, additional_domains is not null as has_additional_domains
from crm_companies
where user_id = $1 and external_source = $2
  and external_provider_id = any (string_to_array($3, $4))
-- parameters: user_id, source, record_ids, separator

-- get_known_contacts
select external_provider_id as record_id, id as entity_id, content_hash, source_updated_at,
       archived_at
from contacts
where user_id = $1 and external_source = $2
  and external_provider_id = any (string_to_array($3, $4))
-- parameters: user_id, source, record_ids, separator

-- get_known_deals
select external_provider_id as record_id, id as entity_id, content_hash, source_updated_at,
       archived_at
from deals
where user_id = $1 and external_source = $2
  and external_provider_id = any (string_to_array($3, $4))
-- parameters: user_id, source, record_ids, separator

-- get_last_requests
select greatest(
           case when whole.status = 'failed' then whole.finished_at else whole.requested_at end,
           case when increment.status = 'failed' then increment.finished_at else increment.requested_at end
       ) as last_requested_at,
       whole.requested_at as last_full_requested_at,
       exists (
           select 1
           from sync_runs
           where user_id = $1 and connection_id = $2
             and status in ('queued', 'running', 'parked')
       ) as is_open
from (select) as one
left join lateral (
    select requested_at, finished_at, status
    from sync_runs
    where user_id = $1 and connection_id = $2 and mode = 'full'
    order by requested_at desc
    limit 1
) as whole on true
left join lateral (
    select requested_at, finished_at, status
    from sync_runs
    where user_id = $1 and connection_id = $2 and mode = 'incremental'
    order by requested_at desc
    limit 1
) as increment on true
-- parameters: user_id, connection_id

-- get_latest_run_id
select id
from sync_runs
where user_id = $1 and connection_id = $2
order by requested_at desc, id desc
limit 1
-- parameters: user_id, connection_id

-- get_latest_uninstall
select coalesce(max(number), 0) from app_uninstalls
-- parameters: none

-- get_run
select id, user_id, connection_id, provider, account_id, mode, status, reason,
       requested_at, started_at, finished_at, parked_until, attempts, owners_status, owners_reason
from sync_runs
where user_id = $1 and id = $2
-- parameters: user_id, run_id

-- get_steps
select object_type, status, epoch, cursor, received, repeats, inserted, updated, unchanged, stale, archived,
       merged, rejected, unreadable, hidden, expected_total, window_start, window_end, reading_version, reason
from sync_steps
where user_id = $1 and run_id = $2
-- parameters: user_id, run_id

-- get_tokens
select access_token, refresh_token, expires_at, scopes, api_url, issuer_url, generation, refresh_attempts
from crm_tokens
where user_id = $1 and connection_id = $2
-- parameters: user_id, connection_id

-- get_user_of_connection
select user_id
from crm_connections
where id = $1
-- parameters: connection_id

-- get_webhook_secrets
select secret, former_secret, former_secret_expires_at
from webhook_endpoints
where user_id = $1 and id = $2
-- parameters: user_id, endpoint_id

-- give_up_pending_webhook_deliveries
update webhook_deliveries
set status = 'failed', next_attempt_at = null, error = $1
where user_id = $2 and endpoint_id = $3 and status = 'pending'
-- parameters: error, user_id, endpoint_id

-- has_migrations_table
select to_regclass('_pogo_migration') is not null
-- parameters: none

-- has_pending_refetches
select exists (select from pending_refetches where user_id = $1 and connection_id = $2)
-- parameters: user_id, connection_id

-- hasten_job
update pgqueuer set execute_after = now() + $1::interval
where dedupe_key = $2 and status = 'queued' and execute_after > now() + $1::interval
-- parameters: delay, dedupe_key

-- hold_account
insert into account_runs (provider, account_id, run_id, user_id, connection_id, is_running)
values ($1, $2, $3, $4, $5, $6)
on conflict (provider, account_id, run_id) do update
set is_running = excluded.is_running
-- parameters: provider, account_id, run_id, user_id, connection_id, is_running

-- hold_off_uninstalls
select pg_advisory_xact_lock_shared(hashtextextended($1::text || '/' || $2::text, 7273))
-- parameters: provider, account_id

-- hold_step
select epoch
from sync_steps
where user_id = $1 and run_id = $2 and object_type = $3 and epoch = $4
for no key update
-- parameters: user_id, run_id, object_type, epoch

-- index_additional_domains
insert into company_domains (user_id, domain, external_source, external_provider_id)
select user_id, unnest(additional_domains), external_source, external_provider_id
from crm_companies
where user_id = $1 and external_source = $2 and external_provider_id = any ($3::text[])
-- parameters: user_id, source, record_ids

-- is_company_live
select exists (select from companies where user_id = $1 and id = $2 and archived_at is null)
-- parameters: user_id, company_id

-- is_feed_complete_since
select not exists (
    select
    from feed_heads as head
    join feed_revisions as revision
        on revision.user_id = $1 and revision.position = head.pruned_through
    where head.user_id = $1 and revision.committed_at >= $2
)
-- parameters: user_id, since

-- is_uninstalled_since
select exists (
    select from app_uninstalls
    where provider = $1 and account_id = $2
      and (number > $3 or (is_under_way and begun_at >= now() - interval '1 minute'))
)
-- parameters: provider, account_id, number

-- list_active_connections
select id as connection_id, user_id, provider
from crm_connections
where status = 'active' and (user_id, id) > ($1, $2)
order by user_id, id
limit $3
-- parameters: after_user, after, limit

-- list_affected_companies
select company.id, company.created_at, company.domain,
       exists (
           select
           from crm_companies as record
           where record.user_id = $1 and record.company_id = company.id and record.archived_at is null
             and (record.external_source <> $2
                 or record.external_provider_id <> all (string_to_array($3, $4)))
       ) as has_other_records
from companies as company
where company.user_id = $1 and company.id in (
    select id from unnest($5::uuid[]) as origin (id)
    union
    select id from companies where user_id = $1 and domain = any (string_to_array($6, $4))
)
-- parameters: user_id, source, record_ids, separator, company_ids, domains

-- list_applied_migrations
select migration_id from _pogo_migration
-- parameters: none

-- list_archived_contacts
select external_provider_id as record_id
from contacts
where user_id = $1 and external_source = $2 and archived_at is not null
-- parameters: user_id, source

-- list_companies_in_snapshot
select entity.id, entity.revision
from companies as entity
join feed_revisions as revision
    on revision.user_id = $1 and revision.revision = entity.revision and revision.position <= $2
where entity.user_id = $1 and entity.id > $3
  and not exists (select from company_aliases a where a.user_id = $1 and a.alias_id = entity.id)
order by entity.id
limit $4
-- parameters: user_id, through, after, limit

-- list_companies_of_source
select distinct company_id from crm_companies where user_id = $1 and external_source = $2
-- parameters: user_id, source

-- list_companies_without_live_records
select company.id
from companies as company
where company.user_id = $1 and company.id = any ($2::uuid[]) and exists (
    select from crm_companies as record
    where record.user_id = $1 and record.company_id = company.id
) and not exists (
    select from crm_companies as record
    where record.user_id = $1 and record.company_id = company.id and record.archived_at is null
)
-- parameters: user_id, company_ids

-- list_companies_without_records
select company.id
from companies as company
where company.user_id = $1 and company.external_source = $2 and not exists (
    select from crm_companies as record
    where record.user_id = $1 and record.company_id = company.id
)
-- parameters: user_id, source

-- list_connected_users
select user_id, id as connection_id
from crm_connections
where provider = $1 and account_id = $2 and status = 'active'
order by user_id
-- parameters: provider, account_id

-- list_contact_facets
with recursive combination as (
    select (-9223372036854775808)::bigint as facets_hash, null::text as external_source,
        null::text as unlinked_reason, null::uuid as crm_rep_id, null::boolean as is_linked,
        null::boolean as is_archived
    union all
    select following.*
    from combination
    cross join lateral (
        select e.facets_hash, e.external_source, e.unlinked_reason, e.crm_rep_id, e.company_id is not null,
            e.archived_at is not null
        from contacts e
        where e.user_id = $1 and length(e.external_source) <> 0
          and (e.facets_hash, e.id) > (combination.facets_hash, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        order by e.facets_hash, e.id
        limit 1) as following
)
select facets_hash
from combination
where external_source is not null
  and ($2::boolean or not is_archived)
  and ($3::boolean is null or is_linked = $3)
  and ($4::text is null or unlinked_reason = $4)
  and ($5::uuid is null or crm_rep_id = $5)
  and ($6::text is null or external_source = $6)
-- parameters: user_id, include_archived, linked, unlinked_reason, rep, source

-- list_contacts_in_snapshot
select entity.id, entity.revision
from contacts as entity
join feed_revisions as revision
    on revision.user_id = $1 and revision.revision = entity.revision and revision.position <= $2
where entity.user_id = $1 and entity.id > $3
order by entity.id
limit $4
-- parameters: user_id, through, after, limit

-- list_deal_facets
with recursive combination as (
    select (-9223372036854775808)::bigint as facets_hash, null::text as external_source,
        null::boolean as is_closed, null::boolean as is_won, null::text as pipeline_id,
        null::text as pipeline_label, null::text as stage_id, null::text as stage_label,
        null::uuid as crm_rep_id, null::boolean as is_linked, null::boolean as is_archived
    union all
    select following.*
    from combination
    cross join lateral (
        select e.facets_hash, e.external_source, e.is_closed, e.is_won, e.pipeline_id, e.pipeline_label, e.stage_id,
            e.stage_label, e.crm_rep_id, e.company_id is not null, e.archived_at is not null
        from deals e
        where e.user_id = $1 and length(e.external_source) <> 0
          and (e.facets_hash, e.id) > (combination.facets_hash, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        order by e.facets_hash, e.id
        limit 1) as following
)
select facets_hash
from combination
where external_source is not null
  and ($2::boolean or not is_archived)
  and ($3::boolean is null or is_linked = $3)
  and ($4::text is null or $4 in (pipeline_id, pipeline_label))
  and ($5::text is null or $5 in (stage_id, stage_label))
  and ($6::boolean is null or is_closed = $6)
  and ($7::boolean is null or is_won = $7)
  and ($8::uuid is null or crm_rep_id = $8)
  and ($9::text is null or external_source = $9)
-- parameters: user_id, include_archived, linked, pipeline, stage, is_closed, is_won, rep, source

-- list_deals_in_snapshot
select entity.id, entity.revision
from deals as entity
join feed_revisions as revision
    on revision.user_id = $1 and revision.revision = entity.revision and revision.position <= $2
where entity.user_id = $1 and entity.id > $3
order by entity.id
limit $4
-- parameters: user_id, through, after, limit

-- list_ids_without_job
select wanted.id
from unnest($1::uuid[]) with ordinality as wanted (id, place)
where not exists (
    select from pgqueuer as job
    where job.entrypoint = $2 and split_part(job.dedupe_key, '/', 1) = wanted.id::text
)
order by wanted.place
limit $3
-- parameters: ids, entrypoint, limit

-- list_ids_written_since
select unnest(entry.ids) as id
from feed_revisions as revision
join feed_entries as entry on entry.user_id = $1 and entry.revision = revision.revision
where revision.user_id = $1 and revision.committed_at >= $2
  and entry.record_type = $3 and entry.deletion is null
limit $4
-- parameters: user_id, since, record_type, limit

-- list_next_written_since
select distinct written.id
from feed_revisions as revision
join feed_entries as entry on entry.user_id = $1 and entry.revision = revision.revision
cross join unnest(entry.ids) as written (id)
where revision.user_id = $1 and revision.committed_at >= $2
  and entry.record_type = $3 and entry.deletion is null
  and written.id > $4
order by written.id
limit $5
-- parameters: user_id, since, record_type, behind, limit

-- list_old_runs
select run.user_id, run.id
from sync_runs as run
where run.changed_nothing = $1 and run.finished_at < $2
  and exists (
      select 1
      from sync_runs as later
      where later.user_id = run.user_id and later.connection_id = run.connection_id and later.mode = run.mode
        and later.requested_at > run.requested_at
  )
order by run.finished_at
limit $3
-- parameters: changed_nothing, before, limit

-- list_open_deliveries
select delivery.user_id, delivery.endpoint_id, delivery.id, delivery.attempts
from webhook_deliveries as delivery
where delivery.status in ('pending', 'sending') and delivery.next_attempt_at <= now()
order by delivery.next_attempt_at
-- parameters: none

-- list_open_runs
select run.user_id, run.id
from sync_runs as run
where run.status in ('queued', 'running') or (run.status = 'parked' and run.parked_until <= now())
order by run.requested_at
-- parameters: none

-- list_other_runs_on_account
select distinct is_running
from account_runs
where provider = $1 and account_id = $2
  and ($3::uuid is null or run_id <> $3)
-- parameters: provider, account_id, run_id

-- list_owner_ids
select external_provider_id
from crm_owners
where user_id = $1 and external_source = $2
-- parameters: user_id, source

-- list_owners_in_snapshot
select entity.id, entity.revision
from crm_owners as entity
join feed_revisions as revision
    on revision.user_id = $1 and revision.revision = entity.revision and revision.position <= $2
where entity.user_id = $1 and entity.id > $3
order by entity.id
limit $4
-- parameters: user_id, through, after, limit

-- list_pending_refetches
select record_id, received_at
from pending_refetches
where user_id = $1 and connection_id = $2 and object_type = $3
order by received_at, record_id
limit $4
-- parameters: user_id, connection_id, object_type, limit

-- list_seen_before
select distinct seen.id
from sync_seen as batch
cross join unnest(batch.ids) as seen (id)
where batch.user_id = $1 and batch.run_id = $2 and batch.object_type = $3
  and batch.first_id <= $4 and batch.last_id >= $5
  and seen.id = any (string_to_array($6, $7))
-- parameters: user_id, run_id, object_type, last_id, first_id, ids, separator

-- list_unseen_company_records
select external_provider_id as record_id
from crm_companies
where user_id = $1 and external_source = $2 and archived_at is null
except
select unnest(ids)
from sync_seen
where user_id = $1 and run_id = $3 and object_type = $4
-- parameters: user_id, source, run_id, object_type

-- list_unseen_contacts
select external_provider_id as record_id
from contacts
where user_id = $1 and external_source = $2 and archived_at is null
except
select unnest(ids)
from sync_seen
where user_id = $1 and run_id = $3 and object_type = $4
-- parameters: user_id, source, run_id, object_type

-- list_unseen_deals
select external_provider_id as record_id
from deals
where user_id = $1 and external_source = $2 and archived_at is null
except
select unnest(ids)
from sync_seen
where user_id = $1 and run_id = $3 and object_type = $4
-- parameters: user_id, source, run_id, object_type

-- list_webhook_subscribers
with waiting as materialized (
    select delivery.endpoint_id
    from webhook_deliveries as delivery
    where $1 and delivery.user_id = $2 and delivery.topic = $3
      and delivery.status = 'pending'
    for key share
)
select endpoint.id
from webhook_endpoints as endpoint
where endpoint.user_id = $2 and endpoint.disabled_reason is null and $3 = any (endpoint.topics)
  and not exists (select from waiting where waiting.endpoint_id = endpoint.id)
order by endpoint.id
for key share of endpoint
-- parameters: is_coalesced, user_id, topic

-- lock_account_for_uninstall
select pg_advisory_xact_lock(hashtextextended($1::text || '/' || $2::text, 7273))
-- parameters: provider, account_id

-- lock_companies
select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 7271))
-- parameters: user_id

-- lock_connection
select pg_advisory_xact_lock(hashtextextended($1::uuid::text || '/' || $2::text, 7272))
-- parameters: user_id, provider

-- lock_deals
select pg_advisory_xact_lock(hashtextextended($1::uuid::text || $2::text, 7274))
-- parameters: user_id, source

-- lock_links
select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 7273))
-- parameters: user_id

-- lock_run
select id, user_id, connection_id, provider, account_id, mode, status, reason,
       requested_at, started_at, finished_at, parked_until, attempts, owners_status, owners_reason
from sync_runs
where user_id = $1 and id = $2
for no key update
-- parameters: user_id, run_id

-- lock_tokens
select access_token, refresh_token, expires_at, scopes, api_url, issuer_url, generation, refresh_attempts
from crm_tokens
where user_id = $1 and connection_id = $2
for update
-- parameters: user_id, connection_id

-- lock_webhook_delivery
select id, user_id, endpoint_id, topic, payload, created_at, status, attempts, recent_attempts,
    first_attempt_at, last_attempt_at, next_attempt_at, error, response_status, response_excerpt
from webhook_deliveries
where user_id = $1 and id = $2
for update
-- parameters: user_id, delivery_id

-- lock_webhook_endpoint
select id, user_id, url, topics, created_at, disabled_reason, last_success_at
from webhook_endpoints
where user_id = $1 and id = $2
for update
-- parameters: user_id, endpoint_id

-- lock_webhook_endpoints
select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 7274))
-- parameters: user_id

-- mark_complete
insert into connection_freshness as known (
    user_id, connection_id, object_type, complete_as_of, watermark, reading_version
)
values ($1, $2, $3, $4, $5, $6)
on conflict (user_id, connection_id, object_type) do update
set complete_as_of = greatest(known.complete_as_of, excluded.complete_as_of),
    watermark = greatest(known.watermark, excluded.watermark), reading_version = excluded.reading_version
-- parameters: user_id, connection_id, object_type, complete_as_of, watermark, reading_version

-- mark_seen
insert into sync_seen (user_id, run_id, object_type, first_id, last_id, ids)
values ($1, $2, $3, $4, $5, string_to_array($6, $7))
-- parameters: user_id, run_id, object_type, first_id, last_id, ids, separator

-- merge_feed_entries
with named as (
    select entry.ordinal, record.id, record.place,
        row_number() over (
            partition by entry.record_type, record.id order by entry.ordinal, record.place
        ) as occurrence
    from feed_entries as entry
    cross join unnest(entry.ids) with ordinality as record (id, place)
    where entry.user_id = $1 and entry.revision = $2 and entry.deletion is null
),
kept as (
    select ordinal, array_agg(id order by place) filter (where occurrence = 1) as ids
    from named
    group by ordinal
    having bool_or(occurrence > 1)
),
emptied as (
    delete from feed_entries as entry
    using kept
    where entry.user_id = $1 and entry.revision = $2 and entry.ordinal = kept.ordinal
      and kept.ids is null
)
update feed_entries as entry
set ids = kept.ids, size = cardinality(kept.ids)
from kept
where entry.user_id = $1 and entry.revision = $2 and entry.ordinal = kept.ordinal
  and kept.ids is not null
-- parameters: user_id, revision

-- move_pins
with merged (old_id, new_id) as (
    select * from unnest($1::text[], $2::text[])
),
moved as (
    delete from company_pins as pin using merged
    where pin.user_id = $3 and pin.external_source = $4
      and pin.external_provider_id = merged.old_id
    returning merged.new_id, pin.field_group, pin.pinned_at
)
insert into company_pins as pin (user_id, external_source, external_provider_id, field_group, pinned_at)
select $3, $4, new_id, field_group, max(pinned_at)
from moved
where exists (
    select from crm_companies as record
    where record.user_id = $3 and record.external_source = $4
      and record.external_provider_id = moved.new_id
)
group by new_id, field_group
on conflict (user_id, external_source, external_provider_id, field_group) do update
set pinned_at = greatest(pin.pinned_at, excluded.pinned_at)
-- parameters: old_ids, new_ids, user_id, source

-- note_expiry
with unchanged as (
    select user_id, connection_id
    from crm_tokens
    where user_id = $1 and connection_id = $2 and generation = $3
    for update skip locked
)
update crm_tokens stored set expires_at = $4
from unchanged
where stored.user_id = $1 and stored.connection_id = unchanged.connection_id
-- parameters: user_id, connection_id, generation, expires_at

-- note_links_decided
insert into linked_feeds as linked (user_id, position)
select $1, head.position + (select count(*) from (
    select 1 from feed_entries where user_id = $1 and revision = $2 limit 1
) as own)
from feed_heads as head
where head.user_id = $1
on conflict (user_id) do update
set position = excluded.position
-- parameters: user_id, revision

-- note_unreadable
insert into sync_unreadable as noted (user_id, run_id, object_type, field, trouble, records, record_ids)
select $1, $2, $3, entry.field, entry.trouble, entry.records,
    entry.record_ids[: $4]
from jsonb_to_recordset($5::jsonb) as entry (field text, trouble text, records bigint, record_ids text[])
on conflict (user_id, run_id, object_type, field, trouble) do update
set records = noted.records + excluded.records,
    -- in a function: Citus takes a subscript there for one that is set; 20 is MAX_EXAMPLES: it takes no parameter there
    record_ids = coalesce((noted.record_ids || excluded.record_ids)[:20], '{}')
-- parameters: user_id, run_id, object_type, max_examples, entries

-- notify_users
select pg_notify('astrelo_events', changed.user_id::text) from unnest($1::uuid[]) as changed (user_id)
-- parameters: user_ids

-- pin_field_group
insert into company_pins as pin (user_id, external_source, external_provider_id, field_group, pinned_at)
values ($1, $2, $3, $4, $5)
on conflict (user_id, external_source, external_provider_id, field_group) do update
set pinned_at = excluded.pinned_at
-- parameters: user_id, source, record_id, field_group, at

-- prune_feed_entries
with due as (
    select head.user_id, latest.position
    from feed_heads as head
    cross join lateral (
        select revision.position
        from feed_revisions as revision
        where revision.user_id = head.user_id and revision.committed_at < now() - $1::interval
        order by revision.committed_at desc
        limit 1
    ) as latest
    where latest.position > head.pruned_through
    limit $2
),
pruned as (
    update feed_heads as head
    set pruned_through = due.position
    from due
    where head.user_id = due.user_id
)
delete from feed_entries as entry
using due, feed_revisions as revision
where revision.user_id = due.user_id and revision.position <= due.position
  and entry.user_id = revision.user_id and entry.revision = revision.revision
-- parameters: retention, limit

-- prune_queue_log
delete from pgqueuer_log
where id in (select id from pgqueuer_log where created < $1 order by created limit $2)
-- parameters: before, limit

-- prune_webhook_deliveries
delete from webhook_deliveries
where (user_id, id) in (
    select user_id, id
    from webhook_deliveries
    where created_at < now() - $1::interval and status in ('delivered', 'failed')
    order by created_at
    limit 1000
)
-- parameters: retention

-- raise_epochs
update sync_steps as step
set epoch = incoming.epoch
from unnest($1::text[], $2::bigint[]) as incoming (object_type, epoch)
where step.user_id = $3 and step.run_id = $4 and step.object_type = incoming.object_type
  and step.epoch < incoming.epoch
-- parameters: object_types, epochs, user_id, run_id

-- read_companies
select entity.id, entity.domain, entity.crm_rep_id, entity.external_source, entity.external_provider_id,
    entity.source_updated_at, revision.committed_at as synced_at, entity.archived_at,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = $1) as accounts,
    entity.company_name,
    entity.industry,
    entity.naics,
    entity.sic,
    entity.employee_count,
    entity.annual_revenue::text as annual_revenue,
    entity.annual_revenue_currency,
    entity.annual_revenue_usd::text as annual_revenue_usd,
    entity.annual_revenue_rate_date,
    entity.revenue_range,
    entity.hq_country,
    entity.hq_region,
    entity.hq_city,
    entity.description,
    entity.phone,
    entity.linkedin_url,
    entity.lifecycle_stage,
    -- of each CRM's records the freshest 20, before a domain that was typed into thousands fills the page
    (select coalesce(jsonb_agg(jsonb_build_object(
            'external_source', s.external_source,
            'external_provider_id', s.external_provider_id,
            'source_updated_at', s.source_updated_at
        ) order by s.external_source collate "C", s.place), '[]')::text
     from (select r.external_source, r.external_provider_id, r.source_updated_at,
               row_number() over (partition by r.external_source collate "C"  -- no index of all records has this order
                   order by r.source_updated_at desc, r.external_provider_id collate "C") as place
           from crm_companies r
           where r.user_id = $1 and r.company_id = entity.id and r.archived_at is null) s
     where s.place <= 20) as sources
from companies entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = $1
  and length(entity.external_source) <> 0  -- opens the indexes of lists, which have the same condition
  and ($2::uuid is null or entity.id > $2)
  and ($3::uuid is null or entity.id <= $3)
  and ($4::uuid[] is null or entity.id = any ($4))
  and ($5::text is null or entity.company_name_folded ~>=~ $5)
  and ($6::text is null or entity.company_name_folded ~<~ $6)
  and ($7::text is null or entity.domain = $7)
  and ($8::text is null or entity.industry_key = $8)
  and ($9::text is null or entity.naics ~>=~ $9)
  and ($10::text is null or entity.naics ~<~ $10)
  and ($11::text[] is null or exists (
      select from unnest($11) as prefix
      where starts_with(entity.naics, prefix)
         or (entity.naics like '__-__' and length(prefix) = 2
             and prefix between left(entity.naics, 2) and right(entity.naics, 2))))
  and ($12::text is null or entity.hq_country = $12)
  and ($13::text is null or entity.hq_region = $13)
  and ($14::text is null or entity.revenue_range = $14)
  and ($15::bigint is null or entity.employee_count >= $15)
  and ($16::bigint is null or entity.employee_count <= $16)
  and ($17::text is null or entity.id = any (array(
      select r.company_id from crm_companies r
      where r.user_id = $1 and r.external_source = any ($18::text[]) and r.external_provider_id = $17
        and ($19::boolean or r.archived_at is null))))
  and ($20::timestamptz is null or revision.committed_at >= $20)
  and ($19::boolean or entity.archived_at is null)
  -- not exists(): that may be answered by hashing all records of the CRM for each page
  and ($21::text is null or (
      select true
      from crm_companies r
      where r.user_id = $1 and r.company_id = entity.id and r.external_source = $21
        and ($19::boolean or r.archived_at is null)
      limit 1))
  -- each criterion of the profile by itself, so that an index may answer the rarest
  and ($22::boolean is not true or (
      ($23::text[] is null
          or entity.industry_key = any ($23))
      -- for an index only where nothing rarer is asked for: a quarter of all companies may share a range
      and ($24::text[] is null or $23::text[] is not null
          or $25::text[] is not null or $26::text is not null
          or entity.revenue_range = any ($24))
      and ($24::text[] is null
          or coalesce(entity.revenue_range, '') = any ($24))
      and ($25::text[] is null or entity.hq_country = any ($25))
      and ($27::bigint is null or entity.employee_count >= $27)
      and ($28::bigint is null or entity.employee_count <= $28)
      and ($26::text is null or entity.naics ~>=~ $26)
      and ($29::text is null or entity.naics ~<~ $29)
      and ($30::text[] is null or exists (
          select from unnest($30) as prefix
          where starts_with(entity.naics, prefix)
             or (entity.naics like '__-__' and length(prefix) = 2
                 and prefix between left(entity.naics, 2) and right(entity.naics, 2))))))
  and ($22::boolean is not false or not (
      coalesce($23::text[] is null or entity.industry = any ($23), false)
      and coalesce(
          $24::text[] is null or entity.revenue_range = any ($24), false)
      and coalesce($25::text[] is null or entity.hq_country = any ($25), false)
      and coalesce($27::bigint is null or entity.employee_count >= $27, false)
      and coalesce($28::bigint is null or entity.employee_count <= $28, false)
      and ($30::text[] is null or exists (
          select from unnest($30) as prefix
          where starts_with(entity.naics, prefix)
             or (entity.naics like '__-__' and length(prefix) = 2
                 and prefix between left(entity.naics, 2) and right(entity.naics, 2))))))
  and ($31::text is distinct from 'name' or entity.company_name_folded is not null)
  and ($32::text is distinct from 'name' or entity.company_name_folded is null)
  and ($33::text is null or (entity.company_name_folded ~>=~ $33
      and (entity.company_name_folded ~>~ $33 or entity.id > $34)))
  and ($35::timestamptz is null or (entity.source_updated_at <= $35
      and (entity.source_updated_at < $35 or entity.id > $34)))
  and ($31::text is distinct from 'revenue' or entity.annual_revenue_usd is not null)
  and ($32::text is distinct from 'revenue' or entity.annual_revenue_usd is null)
  and ($36::numeric is null or (entity.annual_revenue_usd <= $36
      and (entity.annual_revenue_usd < $36 or entity.id > $34)))
order by case when $31 = 'name' then entity.company_name_folded end using ~<~,
    case when $31 = 'freshness' then entity.source_updated_at end desc,
    case when $31 = 'revenue' then entity.annual_revenue_usd end desc,
    case when $31 is distinct from 'none' then entity.id end
limit $37
-- parameters: user_id, after, until, ids, name_from, name_to, domain, industry, naics_from, naics_to, naics_prefixes, country, region, revenue_range, employees_min, employees_max, external_id, sources, include_archived, updated_since, source, fits_icp, icp_industries, icp_revenue_ranges, icp_countries, icp_naics_from, icp_employee_min, icp_employee_max, icp_naics_to, icp_naics, sort, keyless, after_name, after_id, after_freshness, after_revenue, limit

-- read_companies_by_id
select entity.revision, entity.id, entity.domain, entity.crm_rep_id, entity.external_source,
    entity.external_provider_id, entity.source_updated_at, revision.committed_at as synced_at,
    entity.archived_at,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = $1) as accounts,
    entity.company_name,
    entity.industry,
    entity.naics,
    entity.sic,
    entity.employee_count,
    entity.annual_revenue::text as annual_revenue,
    entity.annual_revenue_currency,
    entity.annual_revenue_usd::text as annual_revenue_usd,
    entity.annual_revenue_rate_date,
    entity.revenue_range,
    entity.hq_country,
    entity.hq_region,
    entity.hq_city,
    entity.description,
    entity.phone,
    entity.linkedin_url,
    entity.lifecycle_stage,
    -- of each CRM's records the freshest 20, before a domain that was typed into thousands fills the page
    (select coalesce(jsonb_agg(jsonb_build_object(
            'external_source', s.external_source,
            'external_provider_id', s.external_provider_id,
            'source_updated_at', s.source_updated_at
        ) order by s.external_source, s.place), '[]')::text
     from (select r.external_source, r.external_provider_id, r.source_updated_at,
               row_number() over (partition by r.external_source
                   order by r.source_updated_at desc, r.external_provider_id collate "C") as place
           from crm_companies r
           where r.user_id = $1 and r.company_id = entity.id and r.archived_at is null) s
     where s.place <= 20) as sources
from companies entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = $1 and entity.id = any ($2::uuid[])
  and not exists (select from company_aliases a where a.user_id = $1 and a.alias_id = entity.id)
-- parameters: user_id, ids

-- read_company_alias
select company_id from company_aliases where user_id = $1 and alias_id = $2
-- parameters: user_id, alias_id

-- read_company_ids_of_source
select distinct company_id
from crm_companies
where user_id = $1 and external_source = $2 and archived_at is null
  and length(external_source) <> 0
  and ($3::uuid is null or company_id > $3)
order by company_id
limit $4
-- parameters: user_id, source, after, limit

-- read_company_page_end
select id
from companies
where user_id = $1 and ($2::uuid is null or id > $2)
order by id
offset 2999
limit 1
-- parameters: user_id, after

-- read_company_pins
select pin.field_group, pin.external_source, pin.external_provider_id, pin.pinned_at
from company_pins as pin
join crm_companies as record
    on record.user_id = $1 and record.external_source = pin.external_source
    and record.external_provider_id = pin.external_provider_id
where pin.user_id = $1 and record.company_id = $2
order by pin.pinned_at desc, pin.external_source, pin.external_provider_id, pin.field_group
-- parameters: user_id, company_id

-- read_company_profile_values
select industry, naics, employee_count, revenue_range, hq_country
from companies
where user_id = $1 and id = $2
-- parameters: user_id, company_id

-- read_company_records
select record.external_source,
    record.external_provider_id,
    record.company_id,
    record.source_updated_at,
    record.content_hash,
    record.domain,
    record.identity_domain,
    record.company_name,
    record.company_name_folded,
    record.industry,
    record.naics,
    record.sic,
    record.employee_count,
    record.annual_revenue,
    record.annual_revenue_currency,
    record.annual_revenue_usd,
    record.annual_revenue_rate_date,
    record.revenue_range,
    record.hq_country,
    record.hq_region,
    record.hq_city,
    record.description,
    record.phone,
    record.linkedin_url,
    record.lifecycle_stage,
    record.owner_provider_id,
    record.additional_domains,
    (select rep.id
     from crm_owners as rep
     where rep.user_id = $1 and rep.external_source = record.external_source
       and rep.external_provider_id = record.owner_provider_id) as crm_rep_id
from companies as company
join crm_companies as record
    on record.user_id = $1 and record.company_id = company.id
    and (record.archived_at is null) = (company.archived_at is null)
where company.user_id = $1 and company.id = $2
  and not exists (select from company_aliases a where a.user_id = $1 and a.alias_id = company.id)
-- parameters: user_id, company_id

-- read_company_sort_keys
select company_name_folded as name, source_updated_at as freshness, annual_revenue_usd as revenue
from companies
where user_id = $1 and id = $2
-- parameters: user_id, id

-- read_company_summary
select companies, with_two_sources, counted_at from company_counts where user_id = $1
-- parameters: user_id

-- read_connections
select c.id, c.provider, c.status, c.reason, c.account_id, c.account_name, c.account_domain, c.scopes,
    c.connected_at, c.connected_by,
    (select coalesce(jsonb_object_agg(f.object_type, f.complete_as_of), '{}')::text
     from connection_freshness f
     where f.user_id = $1 and f.connection_id = c.id) as complete_as_of,
    counted.counts::text as counts, counted.counted_at
from crm_connections c
left join connection_counts as counted on counted.user_id = c.user_id and counted.connection_id = c.id
where c.user_id = $1
order by c.provider
-- parameters: user_id

-- read_contact_link
select id, external_source, company_id, company_match, unlinked_reason, provider_company_id,
    company_association, is_person_account, email_kind, email, email_host, email_registrable_domain,
    coalesce(additional_email_domains, '{}') as additional_email_domains
from contacts
where user_id = $1 and id = $2
-- parameters: user_id, contact_id

-- read_contact_page_end
select id
from contacts
where user_id = $1 and ($2::uuid is null or id > $2)
order by id
offset 2999
limit 1
-- parameters: user_id, after

-- read_contact_sort_keys
select last_name_folded as name, source_updated_at as freshness
from contacts
where user_id = $1 and id = $2
-- parameters: user_id, id

-- read_contacts
select entity.crm_rep_id, entity.external_source, revision.committed_at as synced_at, entity.archived_at,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = $1) as accounts,
    entity.id,
    entity.external_provider_id,
    entity.source_updated_at,
    entity.email,
    coalesce(entity.additional_emails, '{}') as additional_emails,
    entity.first_name,
    entity.last_name,
    entity.job_title,
    entity.phone,
    entity.lifecycle_stage,
    entity.company_id,
    entity.company_match,
    entity.unlinked_reason
from contacts entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = $1
  and length(entity.external_source) <> 0  -- opens the indexes of lists, which have the same condition
  and ($2::uuid is null or entity.id > $2)
  and ($3::uuid is null or entity.id <= $3)
  and ($4::uuid[] is null or entity.id = any ($4))
  and ($5::text is null
       or (entity.first_name_folded ~>=~ $5
           and ($6::text is null or entity.first_name_folded ~<~ $6))
       or (entity.last_name_folded ~>=~ $5
           and ($6::text is null or entity.last_name_folded ~<~ $6))
       or ($7::text[] is not null and entity.id = any (array(
           select c.id
           from unnest($7, $8::text[], $9::text[])
               as whole (first_name, last_from, last_to)
           join contacts c on c.user_id = $1 and c.first_name_folded = whole.first_name
               and c.last_name_folded ~>=~ whole.last_from and c.last_name_folded ~<~ whole.last_to))))
  and ($10::text is null or entity.email_folded ~>=~ $10)
  and ($11::text is null or entity.email_folded ~<~ $11)
  -- A page by facets, in order of id: of the combinations that fit those with the lowest ids, then as much of each as
  -- fills the page. In the order of the index of facets, so that without sorting there is no other plan.
  and ($12::text is distinct from 'facets' or entity.id = any (array(
      with lowest as (
          select found.facets_hash, found.id
          from unnest($13::bigint[]) as fitting (facets_hash)
          cross join lateral (
              select e.facets_hash, e.id
              from contacts e
              where e.user_id = $1 and length(e.external_source) <> 0
                and (e.facets_hash, e.id) > (fitting.facets_hash, coalesce(
                    $2, '00000000-0000-0000-0000-000000000000'))
                and e.facets_hash <= fitting.facets_hash
              order by e.facets_hash, e.id
              limit 1) as found
          order by found.id
          limit $14
      )
      select found.id
      from lowest
      cross join lateral (
          select e.id
          from contacts e
          where e.user_id = $1 and length(e.external_source) <> 0
            and (e.facets_hash, e.id) >= (lowest.facets_hash, lowest.id) and e.facets_hash <= lowest.facets_hash
          order by e.facets_hash, e.id
          limit $14) as found
      order by found.id
      limit $14)))
  and ($12::text = 'facets' or $13::bigint[] is null or entity.facets_hash = any ($13))
  -- A page of a company's, likewise.
  and ($12::text is distinct from 'company' or entity.id = any (array(
      with company as (
          select coalesce(
              (select a.company_id from company_aliases a where a.user_id = $1 and a.alias_id = $15),
              $15) as id
      )
      select found.id
      from company
      cross join lateral (
          select e.id
          from contacts e
          where e.user_id = $1 and e.company_id is not null
            and (e.company_id, e.id) > (company.id, coalesce($2, '00000000-0000-0000-0000-000000000000'))
            and e.company_id <= company.id
            and ($16::boolean or e.archived_at is null)
          order by e.company_id, e.id
          limit $14) as found)))
  and ($12::text = 'company' or $15::uuid is null or entity.company_id = coalesce(
      (select a.company_id from company_aliases a where a.user_id = $1 and a.alias_id = $15),
      $15))
  and ($17::text is null or (
      entity.external_provider_id = $17 and entity.external_source = any ($18::text[])))
  and ($19::timestamptz is null or revision.committed_at >= $19)
  and ($16::boolean or entity.archived_at is null)
  and ($20::text is distinct from 'name' or entity.last_name_folded is not null)
  and ($21::text is distinct from 'name' or entity.last_name_folded is null)
  and ($22::text is null or (entity.last_name_folded ~>=~ $22
      and (entity.last_name_folded ~>~ $22 or entity.id > $23)))
  and ($24::timestamptz is null or (entity.source_updated_at <= $24
      and (entity.source_updated_at < $24 or entity.id > $23)))
order by case when $20 = 'name' then entity.last_name_folded end using ~<~,
    case when $20 = 'freshness' then entity.source_updated_at end desc,
    case when $20 is distinct from 'none' then entity.id end
limit $14
-- parameters: user_id, after, until, ids, name_from, name_to, whole_first_names, last_names_from, last_names_to, email_from, email_to, page_of, facets, limit, company_id, include_archived, external_id, sources, updated_since, sort, keyless, after_name, after_id, after_freshness

-- read_contacts_by_id
select entity.revision, entity.crm_rep_id, entity.external_source, revision.committed_at as synced_at,
    entity.archived_at,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = $1) as accounts,
    entity.id,
    entity.external_provider_id,
    entity.source_updated_at,
    entity.email,
    coalesce(entity.additional_emails, '{}') as additional_emails,
    entity.first_name,
    entity.last_name,
    entity.job_title,
    entity.phone,
    entity.lifecycle_stage,
    entity.company_id,
    entity.company_match,
    entity.unlinked_reason
from contacts entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = $1 and entity.id = any ($2::uuid[])
-- parameters: user_id, ids

-- read_crowded_domains
select identity_domain as domain, count(*) as records
from crm_companies
where user_id = $1 and external_source = $2 and archived_at is null
  and identity_domain is not null
group by identity_domain
having count(*) > $3
order by records desc, domain
limit $4
-- parameters: user_id, provider, threshold, limit

-- read_deal_link
select id, external_source, company_id, company_match, unlinked_reason, provider_company_id,
    company_association
from deals
where user_id = $1 and id = $2
-- parameters: user_id, deal_id

-- read_deal_page_end
select id
from deals
where user_id = $1 and ($2::uuid is null or id > $2)
order by id
offset 2999
limit 1
-- parameters: user_id, after

-- read_deal_sort_keys
select source_updated_at as freshness, amount_usd as amount
from deals
where user_id = $1 and id = $2
-- parameters: user_id, id

-- read_deals
select entity.crm_rep_id, entity.external_source, revision.committed_at as synced_at, entity.archived_at,
    entity.contact_ids,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = $1) as accounts,
    entity.id,
    entity.external_provider_id,
    entity.source_updated_at,
    entity.name,
    entity.amount::text as amount,
    entity.currency,
    entity.amount_usd::text as amount_usd,
    entity.amount_rate_date,
    entity.pipeline_id,
    entity.pipeline_label,
    entity.stage_id,
    entity.stage_label,
    entity.probability::float8 as probability,
    entity.is_closed,
    entity.is_won,
    entity.close_date,
    entity.company_id,
    entity.company_match,
    entity.unlinked_reason
from deals entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = $1
  and length(entity.external_source) <> 0  -- opens the indexes of lists, which have the same condition
  and ($2::uuid is null or entity.id > $2)
  and ($3::uuid is null or entity.id <= $3)
  and ($4::uuid[] is null or entity.id = any ($4))
  -- A page by facets, in order of id: of the combinations that fit those with the lowest ids, then as much of each as
  -- fills the page. In the order of the index of facets, so that without sorting there is no other plan.
  and ($5::text is distinct from 'facets' or entity.id = any (array(
      with lowest as (
          select found.facets_hash, found.id
          from unnest($6::bigint[]) as fitting (facets_hash)
          cross join lateral (
              select e.facets_hash, e.id
              from deals e
              where e.user_id = $1 and length(e.external_source) <> 0
                and (e.facets_hash, e.id) > (fitting.facets_hash, coalesce(
                    $2, '00000000-0000-0000-0000-000000000000'))
                and e.facets_hash <= fitting.facets_hash
              order by e.facets_hash, e.id
              limit 1) as found
          order by found.id
          limit $7
      )
      select found.id
      from lowest
      cross join lateral (
          select e.id
          from deals e
          where e.user_id = $1 and length(e.external_source) <> 0
            and (e.facets_hash, e.id) >= (lowest.facets_hash, lowest.id) and e.facets_hash <= lowest.facets_hash
          order by e.facets_hash, e.id
          limit $7) as found
      order by found.id
      limit $7)))
  and ($5::text = 'facets' or $6::bigint[] is null or entity.facets_hash = any ($6))
  -- A page of a company's, likewise.
  and ($5::text is distinct from 'company' or entity.id = any (array(
      with company as (
          select coalesce(
              (select a.company_id from company_aliases a where a.user_id = $1 and a.alias_id = $8),
              $8) as id
      )
      select found.id
      from company
      cross join lateral (
          select e.id
          from deals e
          where e.user_id = $1 and e.company_id is not null
            and (e.company_id, e.id) > (company.id, coalesce($2, '00000000-0000-0000-0000-000000000000'))
            and e.company_id <= company.id
            and ($9::boolean or e.archived_at is null)
          order by e.company_id, e.id
          limit $7) as found)))
  and ($5::text = 'company' or $8::uuid is null or entity.company_id = coalesce(
      (select a.company_id from company_aliases a where a.user_id = $1 and a.alias_id = $8),
      $8))
  and ($10::boolean is not true or entity.company_id is not null)
  and ($10::boolean is not false or entity.company_id is null)
  and ($11::uuid is null or entity.id = any (array(
      with named as (
          select c.external_source, c.external_provider_id
          from contacts c
          where c.user_id = $1 and c.id = $11
      )
      select d.id from named join deals d on d.user_id = $1 and d.provider_contact_ids[1] is not null
          and d.provider_contact_ids[1] = named.external_provider_id
          and d.external_source is not distinct from named.external_source
      union all
      select d.id from named join deals d on d.user_id = $1 and d.provider_contact_ids[2] is not null
          and d.provider_contact_ids[2] = named.external_provider_id
          and d.external_source is not distinct from named.external_source
      union all
      select d.id from named join deals d on d.user_id = $1 and d.provider_contact_ids[3] is not null
          and d.provider_contact_ids[3] = named.external_provider_id
          and d.external_source is not distinct from named.external_source
      union all
      select d.id from named join deals d on d.user_id = $1 and d.provider_contact_ids[4] is not null
          and d.provider_contact_ids[4] = named.external_provider_id
          and d.external_source is not distinct from named.external_source
      union all
      select d.id from named join deals d on d.user_id = $1 and d.provider_contact_ids[5] is not null
          and named.external_provider_id = any (d.provider_contact_ids[5:])
          and d.external_source is not distinct from named.external_source)))
  and ($12::text is null or (
      entity.external_provider_id = $12 and entity.external_source = any ($13::text[])))
  and ($14::timestamptz is null or revision.committed_at >= $14)
  and ($9::boolean or entity.archived_at is null)
  and ($15::timestamptz is null or (entity.source_updated_at <= $15
      and (entity.source_updated_at < $15 or entity.id > $16)))
  and ($17::text is distinct from 'amount' or entity.amount_usd is not null)
  and ($18::text is distinct from 'amount' or entity.amount_usd is null)
  and ($19::numeric is null or (entity.amount_usd <= $19
      and (entity.amount_usd < $19 or entity.id > $16)))
order by case when $17 = 'freshness' then entity.source_updated_at end desc,
    case when $17 = 'amount' then entity.amount_usd end desc,
    case when $17 is distinct from 'none' then entity.id end
limit $7
-- parameters: user_id, after, until, ids, page_of, facets, limit, company_id, include_archived, linked, contact_id, external_id, sources, updated_since, after_freshness, after_id, sort, keyless, after_amount

-- read_deals_by_id
select entity.revision, entity.crm_rep_id, entity.external_source, revision.committed_at as synced_at,
    entity.archived_at, entity.contact_ids,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = $1) as accounts,
    entity.id,
    entity.external_provider_id,
    entity.source_updated_at,
    entity.name,
    entity.amount::text as amount,
    entity.currency,
    entity.amount_usd::text as amount_usd,
    entity.amount_rate_date,
    entity.pipeline_id,
    entity.pipeline_label,
    entity.stage_id,
    entity.stage_label,
    entity.probability::float8 as probability,
    entity.is_closed,
    entity.is_won,
    entity.close_date,
    entity.company_id,
    entity.company_match,
    entity.unlinked_reason
from deals entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = $1 and entity.id = any ($2::uuid[])
-- parameters: user_id, ids

-- read_feed_entries
select position, revision, committed_at, now() - committed_at as age, ordinal, record_type, ids, deletion,
    merged_into
from (
    select revision.position, revision.revision, revision.committed_at, entry.ordinal, entry.record_type,
        entry.ids, entry.deletion, entry.merged_into,
        sum(entry.size) over (
            order by revision.position, entry.ordinal rows unbounded preceding
        ) - entry.size as records_before
    from feed_revisions as revision
    join feed_entries as entry on entry.user_id = $1 and entry.revision = revision.revision
    where revision.user_id = $1 and revision.position >= $2 and revision.position <= $3
      and (revision.position > $2 or entry.ordinal >= $4)
      and entry.record_type = any ($5::text[])
    order by revision.position, entry.ordinal
    limit $6
) as entry
where records_before < $6
order by position, ordinal
-- parameters: user_id, position, through, ordinal, record_types, limit

-- read_feed_head
select head.position, revision.revision, head.pruned_through
from feed_heads as head
left join feed_revisions as revision
    on revision.user_id = $1 and revision.position = head.position
where head.user_id = $1
-- parameters: user_id

-- read_feed_revision
select revision from feed_revisions where user_id = $1 and position = $2
-- parameters: user_id, position

-- read_hidden_fields
select distinct on (run.provider) run.provider,
    array(select jsonb_object_keys(step.hidden)) as hidden
from sync_runs as run
join sync_steps as step
    on step.user_id = $1 and step.run_id = run.id and step.object_type = $2
    and step.received > 0
where run.user_id = $1
order by run.provider, run.id desc
-- parameters: user_id, object_type

-- read_icp_profile
select id, name, is_default, industries, naics, employee_min, employee_max, revenue_ranges, countries
from icp_profiles
where user_id = $1 and is_default
-- parameters: user_id

-- read_owners
select id, email, first_name, last_name, archived, external_source, external_provider_id
from crm_owners
where user_id = $1 and ($2::uuid is null or id > $2)
order by id
limit $3
-- parameters: user_id, after, limit

-- read_owners_by_id
select entity.revision, revision.committed_at as synced_at, entity.id, entity.email, entity.first_name,
    entity.last_name, entity.archived, entity.external_source, entity.external_provider_id
from crm_owners entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = $1 and entity.id = any ($2::uuid[])
-- parameters: user_id, ids

-- read_rejections
select object_type, record_id, reason
from (
    select object_type, record_id, reason, ordinal,
        row_number() over (partition by object_type order by ordinal) as place
    from sync_rejections
    where user_id = $1 and run_id = $2
) numbered
where place <= $3
order by object_type, ordinal
-- parameters: user_id, run_id, limit

-- read_runs
select r.id, r.provider, r.mode, r.status, r.reason, r.requested_at, r.started_at, r.finished_at,
    r.parked_until, r.attempts,
    jsonb_build_object('status', r.owners_status, 'reason', r.owners_reason)::text as owners,
    (select coalesce(jsonb_agg(jsonb_build_object(
            'object_type', s.object_type,
            'status', s.status,
            'window', case when s.window_start is not null then
                jsonb_build_object('start', s.window_start, 'end', s.window_end) end,
            'received', s.received,
            'repeats', s.repeats,
            'distinct', s.received - s.repeats,
            'inserted', s.inserted,
            'updated', s.updated,
            'unchanged', s.unchanged,
            'stale', s.stale,
            'archived', s.archived,
            'merged', s.merged,
            'rejected', s.rejected,
            'unreadable', s.unreadable,
            'hidden', s.hidden,
            'expected_total', s.expected_total,
            'reconciled', s.status = 'completed' and s.received - s.repeats
                = s.inserted + s.updated + s.unchanged + s.stale
                + (select coalesce(sum(n.value::bigint), 0) from jsonb_each_text(s.rejected) n),
            'reason', s.reason
        ) order by s.object_type), '[]')::text
     from sync_steps s
     where s.user_id = $1 and s.run_id = r.id) as steps
from sync_runs r
where r.user_id = $1
  and r.provider = $2
  and ($3::uuid is null or r.id = $3)
  and ($4::uuid is null or r.id < $4)
order by r.id desc
limit $5
-- parameters: user_id, provider, run_id, before, limit

-- read_unreadable
select noted.object_type, noted.field, noted.trouble, noted.records, noted.record_ids
from sync_unreadable as noted
join sync_runs as run on run.user_id = $1 and run.id = noted.run_id and run.provider = $2
where noted.user_id = $1 and noted.run_id = $3 and ($4::text is null or noted.field = $4)
order by noted.object_type, noted.field, noted.trouble
-- parameters: user_id, provider, run_id, field

-- read_webhook_deliveries
select id, topic, payload, created_at, status, attempts, last_attempt_at, next_attempt_at, error,
    response_status, response_excerpt
from webhook_deliveries
where user_id = $1 and endpoint_id = $2
  and ($3::uuid is null or id = $3)
  and ($4::uuid is null or id < $4)
order by id desc
limit $5
-- parameters: user_id, endpoint_id, delivery_id, before, limit

-- read_webhook_endpoints
select id, url, topics, created_at, disabled_reason, last_success_at,
    case when former_secret_expires_at > now() then former_secret_expires_at end as former_secret_expires_at
from webhook_endpoints
where user_id = $1 and ($2::uuid is null or id = $2)
  and ($3::uuid is null or id > $3)
order by id
limit $4
-- parameters: user_id, endpoint_id, after, limit

-- refresh_companies
with ranked as (
    select record, record.company_id,
        -- not a join: without statistics that becomes a scan of all owners for each record
        (select rep.id
         from crm_owners as rep
         where rep.user_id = $1 and rep.external_source = record.external_source
           and rep.external_provider_id = record.owner_provider_id) as rep_id,
        row_number() over (
            partition by record.company_id
            order by record.source_updated_at desc, record.external_source collate "C",
                record.external_provider_id collate "C"
        ) as place,
        count(*) over (partition by record.company_id) as records
    from crm_companies as record
    where record.user_id = $1 and record.company_id = any ($2::uuid[])
      and (record.archived_at is not null) = $3::boolean
),
winner as (
    select distinct on (ranked.company_id, field_group.name)
        ranked.company_id, field_group.name as field_group, ranked.record, ranked.rep_id
    from ranked
    cross join lateral (values
        ('name', (ranked.record).company_name is not null),
        ('industry', (ranked.record).industry is not null),
        ('employee_count', (ranked.record).employee_count is not null),
        ('revenue', (ranked.record).annual_revenue is not null),
        ('place', coalesce((ranked.record).hq_country, (ranked.record).hq_region, (ranked.record).hq_city) is not null),
        ('description', (ranked.record).description is not null),
        ('phone', (ranked.record).phone is not null),
        ('linkedin_url', (ranked.record).linkedin_url is not null),
        ('lifecycle_stage', (ranked.record).lifecycle_stage is not null),
        ('rep', ranked.rep_id is not null)
    ) as field_group (name, is_present)
    left join company_pins as pin
        on pin.user_id = $1 and pin.external_source = (ranked.record).external_source
        and pin.external_provider_id = (ranked.record).external_provider_id
        and pin.field_group = field_group.name
    where ranked.records > 1 and field_group.is_present
    order by ranked.company_id, field_group.name, pin.pinned_at desc nulls last, ranked.place
),
blended as (
    select company_id,
        (array_agg(record) filter (where field_group = 'name'))[1] as by_name,
        (array_agg(record) filter (where field_group = 'industry'))[1] as by_industry,
        (array_agg(record) filter (where field_group = 'employee_count'))[1] as by_employee_count,
        (array_agg(record) filter (where field_group = 'revenue'))[1] as by_revenue,
        (array_agg(record) filter (where field_group = 'place'))[1] as by_place,
        (array_agg(record) filter (where field_group = 'description'))[1] as by_description,
        (array_agg(record) filter (where field_group = 'phone'))[1] as by_phone,
        (array_agg(record) filter (where field_group = 'linkedin_url'))[1] as by_linkedin_url,
        (array_agg(record) filter (where field_group = 'lifecycle_stage'))[1] as by_lifecycle_stage,
        (array_agg(rep_id) filter (where field_group = 'rep'))[1] as rep_id
    from winner
    group by company_id
),
golden as (
    select freshest.company_id, freshest.record,
        coalesce(by_name, freshest.record) as by_name,
        coalesce(by_industry, freshest.record) as by_industry,
        coalesce(by_employee_count, freshest.record) as by_employee_count,
        coalesce(by_revenue, freshest.record) as by_revenue,
        coalesce(by_place, freshest.record) as by_place,
        coalesce(by_description, freshest.record) as by_description,
        coalesce(by_phone, freshest.record) as by_phone,
        coalesce(by_linkedin_url, freshest.record) as by_linkedin_url,
        coalesce(by_lifecycle_stage, freshest.record) as by_lifecycle_stage,
        coalesce(blended.rep_id, freshest.rep_id) as rep_id
    from ranked as freshest
    left join blended on blended.company_id = freshest.company_id
    where freshest.place = 1
),
shown as (
    insert into companies as company (
        user_id, id, domain, crm_rep_id, external_source, external_provider_id, source_updated_at,
        created_at, revision, archived_at,
        company_name,
        company_name_folded,
        industry,
        naics,
        sic,
        employee_count,
        annual_revenue,
        annual_revenue_currency,
        annual_revenue_usd,
        annual_revenue_rate_date,
        revenue_range,
        hq_country,
        hq_region,
        hq_city,
        description,
        phone,
        linkedin_url,
        lifecycle_stage
    )
    select $1, company_id, case when not $3 then (record).identity_domain end, rep_id,
        (record).external_source, (record).external_provider_id, (record).source_updated_at,
        $4::timestamptz, $5, case when $3 then $4 end,
        (by_name).company_name,
        (by_name).company_name_folded,
        (by_industry).industry,
        (by_industry).naics,
        (by_industry).sic,
        (by_employee_count).employee_count,
        (by_revenue).annual_revenue,
        (by_revenue).annual_revenue_currency,
        (by_revenue).annual_revenue_usd,
        (by_revenue).annual_revenue_rate_date,
        (by_revenue).revenue_range,
        (by_place).hq_country,
        (by_place).hq_region,
        (by_place).hq_city,
        (by_description).description,
        (by_phone).phone,
        (by_linkedin_url).linkedin_url,
        (by_lifecycle_stage).lifecycle_stage
    from golden
    on conflict (user_id, id) do update
    set domain = excluded.domain, crm_rep_id = excluded.crm_rep_id,
        external_source = excluded.external_source, external_provider_id = excluded.external_provider_id,
        source_updated_at = excluded.source_updated_at, revision = excluded.revision,
        archived_at = case when excluded.archived_at is not null then company.archived_at end,
        company_name = excluded.company_name,
        company_name_folded = excluded.company_name_folded,
        industry = excluded.industry,
        naics = excluded.naics,
        sic = excluded.sic,
        employee_count = excluded.employee_count,
        annual_revenue = excluded.annual_revenue,
        annual_revenue_currency = excluded.annual_revenue_currency,
        annual_revenue_usd = excluded.annual_revenue_usd,
        annual_revenue_rate_date = excluded.annual_revenue_rate_date,
        revenue_range = excluded.revenue_range,
        hq_country = excluded.hq_country,
        hq_region = excluded.hq_region,
        hq_city = excluded.hq_city,
        description = excluded.description,
        phone = excluded.phone,
        linkedin_url = excluded.linkedin_url,
        lifecycle_stage = excluded.lifecycle_stage
    returning id
),
shown_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $1, $5, 'companies', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from shown) as part
    group by part.number
)
select count(*) from shown
-- parameters: user_id, company_ids, archived, at, revision

-- release_account
delete from account_runs where provider = $1 and account_id = $2 and run_id = $3
-- parameters: provider, account_id, run_id

-- release_accounts_of_connection
delete from account_runs where connection_id = $1
-- parameters: connection_id

-- release_domains
with released as (
    update companies as company
    set domain = null, revision = $1
    from unnest($2::uuid[], $3::text[]) as coming (id, domain)
    where company.user_id = $4 and company.id = coming.id
      and company.domain is not null and company.domain is distinct from coming.domain
    returning company.id
),
released_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $4, $1, 'companies', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from released) as part
    group by part.number
)
select count(*) from released
-- parameters: revision, company_ids, domains, user_id

-- release_idempotency_key
delete from idempotency_keys
where user_id = $1 and key = $2 and started_at = $3
-- parameters: user_id, key, started_at

-- release_migration_lock
select pg_advisory_unlock($1::bigint)
-- parameters: lock_key

-- relink_companies
with decided as (
    select distinct on (record.company_id) record.company_id, rep.id as crm_rep_id
    from crm_companies as record
    join companies as company
        on company.user_id = $1 and company.id = record.company_id
        and (company.archived_at is null) = (record.archived_at is null)
    left join crm_owners as rep
        on rep.user_id = $1 and rep.external_source = record.external_source
        and rep.external_provider_id = record.owner_provider_id
    left join company_pins as pin
        on pin.user_id = $1 and pin.external_source = record.external_source
        and pin.external_provider_id = record.external_provider_id and pin.field_group = 'rep'
    where record.user_id = $1
    order by record.company_id, rep.id is null, pin.pinned_at desc nulls last, record.source_updated_at desc,
        record.external_source collate "C", record.external_provider_id collate "C"
),
relinked as (
    update companies as company
    set crm_rep_id = decided.crm_rep_id, revision = $2
    from decided
    where company.user_id = $1 and company.id = decided.company_id
      and company.crm_rep_id is distinct from decided.crm_rep_id
    returning company.id
),
relinked_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $1, $2, 'companies', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from relinked) as part
    group by part.number
)
select count(*) from relinked
-- parameters: user_id, revision

-- relink_contacts
with further as (
    -- additional domains that records of one company only name, and that are no company's own
    select named.domain, min(record.company_id::text)::uuid as id
    from company_domains as named
    join crm_companies as record
        on record.user_id = $1 and record.external_source = named.external_source
        and record.external_provider_id = named.external_provider_id and record.archived_at is null
    left join companies as own on own.user_id = $1 and own.domain = named.domain
    where named.user_id = $1 and own.id is null
    group by named.domain
    having count(distinct record.company_id) = 1
),
additional_email as materialized (
    -- apart, or the planner joins the companies anew for each contact
    select person.id as contact_id, email.domain, email.place
    from contacts as person
    cross join lateral unnest(person.additional_email_domains) with ordinality as email (domain, place)
    where person.user_id = $1 and person.additional_email_domains is not null
),
by_additional_email as (
    select distinct on (email.contact_id) email.contact_id, coalesce(own.id, further.id) as company_id
    from additional_email as email
    left join companies as own on own.user_id = $1 and own.domain = email.domain
    left join further on further.domain = email.domain
    where coalesce(own.id, further.id) is not null
    order by email.contact_id, email.place
),
found as (
    select person.id, person.is_person_account, person.email_kind, person.additional_email_domains,
        rep.id as crm_rep_id,
        case when not person.is_person_account then associated.company_id end as by_record,
        case when not person.is_person_account then
            coalesce(by_host.id, further_host.id, by_registrable.id, further_registrable.id,
                by_additional_email.company_id)
        end as by_domain
    from contacts as person
    left join crm_companies as associated
        on associated.user_id = $1 and associated.external_source = person.external_source
        and associated.external_provider_id = person.provider_company_id and associated.archived_at is null
    left join companies as by_host
        on by_host.user_id = $1 and by_host.domain = person.email_host
    left join further as further_host on further_host.domain = person.email_host
    left join companies as by_registrable
        on by_registrable.user_id = $1 and by_registrable.domain = person.email_registrable_domain
    left join further as further_registrable on further_registrable.domain = person.email_registrable_domain
    left join by_additional_email on by_additional_email.contact_id = person.id
    left join crm_owners as rep
        on rep.user_id = $1 and rep.external_source = person.external_source
        and rep.external_provider_id = person.owner_provider_id
    where person.user_id = $1
),
decided as (
    select id, crm_rep_id,
        coalesce(by_record, by_domain) as company_id,
        case
            when by_record is not null then 'provider_id'
            when by_domain is not null then 'email_domain'
        end as company_match,
        case
            when coalesce(by_record, by_domain) is not null then null
            when is_person_account then 'person_account'
            when additional_email_domains is not null then 'no_company'
            when email_kind = 'missing' then 'no_email'
            when email_kind = 'invalid' then 'invalid_email'
            when email_kind = 'free_mail' then 'free_mail'
            else 'no_company'
        end as unlinked_reason
    from found
),
relinked as (
    update contacts as contact
    set company_id = decided.company_id, company_match = decided.company_match,
        unlinked_reason = decided.unlinked_reason, crm_rep_id = decided.crm_rep_id, revision = $2
    from decided
    where contact.user_id = $1 and contact.id = decided.id
      and (contact.company_id, contact.company_match, contact.unlinked_reason, contact.crm_rep_id)
        is distinct from
          (decided.company_id, decided.company_match, decided.unlinked_reason, decided.crm_rep_id)
    returning contact.id
),
relinked_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $1, $2, 'contacts', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from relinked) as part
    group by part.number
)
select count(*) from relinked
-- parameters: user_id, revision

-- relink_deals
with named as (
    -- apart, or the planner pairs all deals with all contacts and looks for the ids then
    select id, external_source, unnest(provider_contact_ids) as provider_contact_id
    from deals
    where user_id = $1
),
arrived as (
    select named.id, array_agg(contact.id order by contact.id) as contact_ids
    from named
    join contacts as contact
        on contact.user_id = $1 and contact.external_source = named.external_source
        and contact.external_provider_id = named.provider_contact_id and contact.archived_at is null
    group by named.id
),
decided as (
    select sale.id, associated.company_id, rep.id as crm_rep_id,
        coalesce(arrived.contact_ids, '{}') as contact_ids,
        case when associated.company_id is not null then 'provider_id' end as company_match,
        case
            when associated.company_id is not null then null
            when sale.provider_company_id is not null then 'no_company'
            when sale.company_association = 'ambiguous' then 'ambiguous'
            else 'not_associated'
        end as unlinked_reason
    from deals as sale
    left join crm_companies as associated
        on associated.user_id = $1 and associated.external_source = sale.external_source
        and associated.external_provider_id = sale.provider_company_id and associated.archived_at is null
    left join crm_owners as rep
        on rep.user_id = $1 and rep.external_source = sale.external_source
        and rep.external_provider_id = sale.owner_provider_id
    left join arrived on arrived.id = sale.id
    where sale.user_id = $1
),
relinked as (
    update deals as deal
    set company_id = decided.company_id, company_match = decided.company_match,
        unlinked_reason = decided.unlinked_reason, contact_ids = decided.contact_ids,
        crm_rep_id = decided.crm_rep_id, revision = $2
    from decided
    where deal.user_id = $1 and deal.id = decided.id
      and (deal.company_id, deal.company_match, deal.unlinked_reason, deal.contact_ids, deal.crm_rep_id)
        is distinct from
          (decided.company_id, decided.company_match, decided.unlinked_reason, decided.contact_ids,
           decided.crm_rep_id)
    returning deal.id
),
relinked_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $1, $2, 'deals', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from relinked) as part
    group by part.number
)
select count(*) from relinked
-- parameters: user_id, revision

-- remember_sync_request
update crm_connections
set sync_requested_at = $1,
    sync_requested_mode = case
        when 'full' in ($2, sync_requested_mode) then 'full'
        when 'incremental' in ($2, sync_requested_mode) then 'incremental'
        else $2
    end
where user_id = $3 and id = $4
-- parameters: at, mode, user_id, connection_id

-- reschedule
update sync_schedule as scheduled
set due_at = looked_at.due_at
from unnest($1::uuid[], $2::timestamptz[]) as looked_at (connection_id, due_at)
where scheduled.connection_id = looked_at.connection_id and scheduled.due_at = $3
-- parameters: connection_ids, due_ats, until

-- save_connection
insert into crm_connections (user_id, id, provider, account_id, account_name, account_currency,
                             account_time_zone, scopes, status, reason, connected_at,
                             account_domain, connected_by, app_url)
values (
    $1, $2, $3, $4, $5, $6, $7,
    $8, $9, $10, $11, $12, $13,
    $14
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
-- parameters: user_id, connection_id, provider, account_id, account_name, account_currency, account_time_zone, scopes, status, reason, connected_at, account_domain, connected_by, app_url

-- save_icp_profile
insert into icp_profiles (user_id, id, name, is_default, industries, naics,
                          employee_min, employee_max, revenue_ranges, countries)
values (
    $1, $2, $3, $4, $5, $6, $7, $8,
    $9, $10
)
on conflict (user_id) where is_default do update set
    name = excluded.name,
    industries = excluded.industries,
    naics = excluded.naics,
    employee_min = excluded.employee_min,
    employee_max = excluded.employee_max,
    revenue_ranges = excluded.revenue_ranges,
    countries = excluded.countries
-- parameters: user_id, icp_profile_id, name, is_default, industries, naics, employee_min, employee_max, revenue_ranges, countries

-- save_run
update sync_runs
set status = $1, reason = $2, started_at = $3, finished_at = $4,
    parked_until = $5, attempts = $6,
    owners_status = $7, owners_reason = $8, changed_nothing = $9
where user_id = $10 and id = $11
-- parameters: status, reason, started_at, finished_at, parked_until, attempts, owners_status, owners_reason, changed_nothing, user_id, run_id

-- save_tokens
insert into crm_tokens as stored
    (user_id, connection_id, access_token, refresh_token, expires_at, scopes, api_url, issuer_url, generation)
values (
    $1, $2, $3, $4, $5, $6, $7, $8, 1
)
on conflict (user_id, connection_id) do update set
    access_token = excluded.access_token,
    refresh_token = excluded.refresh_token,
    expires_at = excluded.expires_at,
    scopes = excluded.scopes,
    api_url = excluded.api_url,
    issuer_url = excluded.issuer_url,
    generation = stored.generation + 1,
    refresh_attempts = 0
returning generation
-- parameters: user_id, connection_id, access_token, refresh_token, expires_at, scopes, api_url, issuer_url

-- save_webhook_delivery
update webhook_deliveries
set status = $1, attempts = $2, recent_attempts = $3,
    first_attempt_at = $4, last_attempt_at = $5,
    next_attempt_at = $6, error = $7, response_status = $8,
    response_excerpt = $9
where user_id = $10 and id = $11
-- parameters: status, attempts, recent_attempts, first_attempt_at, last_attempt_at, next_attempt_at, error, response_status, response_excerpt, user_id, delivery_id

-- save_webhook_endpoint
update webhook_endpoints
set url = $1, topics = $2, disabled_reason = $3, last_success_at = $4
where user_id = $5 and id = $6
-- parameters: url, topics, disabled_reason, last_success_at, user_id, endpoint_id

-- save_webhook_secrets
update webhook_endpoints
set secret = $1, former_secret = $2, former_secret_expires_at = $3
where user_id = $4 and id = $5
-- parameters: secret, former_secret, former_secret_expires_at, user_id, endpoint_id

-- settle_pending_refetches
delete from pending_refetches as pending
using unnest($1::text[], $2::timestamptz[]) as read (record_id, received_at)
where pending.user_id = $3 and pending.connection_id = $4
  and pending.object_type = $5
  and pending.record_id = read.record_id and pending.received_at <= read.received_at
-- parameters: record_ids, received_at, user_id, connection_id, object_type

-- share_links
select pg_advisory_xact_lock_shared(hashtextextended($1::uuid::text, 7273))
-- parameters: user_id

-- take_off_schedule
delete from sync_schedule where connection_id = $1
-- parameters: connection_id

-- take_sync_request
update crm_connections set sync_requested_at = null, sync_requested_mode = null
from (
    select sync_requested_mode as mode
    from crm_connections
    where user_id = $1 and id = $2
    for update
) as asked
where user_id = $1 and id = $2 and sync_requested_at is not null
returning asked.mode
-- parameters: user_id, connection_id

-- try_history_lock
select pg_try_advisory_xact_lock($1)
-- parameters: lock_key

-- try_migration_lock
select pg_try_advisory_lock($1::bigint)
-- parameters: lock_key

-- unindex_additional_domains
delete from company_domains
where user_id = $1 and external_source = $2 and external_provider_id = any ($3::text[])
-- parameters: user_id, source, record_ids

-- unlink_companies
with people as (
    update contacts
    set company_id = null, company_match = null, unlinked_reason = 'no_company', revision = $1
    where user_id = $2 and company_id = any ($3::uuid[])
    returning id
),
opportunities as (
    update deals
    set company_id = null, company_match = null, unlinked_reason = 'no_company', revision = $1
    where user_id = $2 and company_id = any ($3::uuid[])
    returning id
),
people_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $2, $1, 'contacts', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from people) as part
    group by part.number
),
opportunities_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $2, $1, 'deals', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from opportunities) as part
    group by part.number
)
select count(*) from people
-- parameters: revision, user_id, company_ids

-- unpin_field_group
delete from company_pins as pin
using crm_companies as record
where pin.user_id = $1 and pin.field_group = $2 and record.user_id = $1
  and record.external_source = pin.external_source
  and record.external_provider_id = pin.external_provider_id and record.company_id = $3
-- parameters: user_id, field_group, company_id

-- upsert_company_records
insert into crm_companies as stored (
    user_id, external_source,
    external_provider_id,
    company_id,
    source_updated_at,
    content_hash,
    domain,
    identity_domain,
    company_name,
    company_name_folded,
    industry,
    naics,
    sic,
    employee_count,
    annual_revenue,
    annual_revenue_currency,
    annual_revenue_usd,
    annual_revenue_rate_date,
    revenue_range,
    hq_country,
    hq_region,
    hq_city,
    description,
    phone,
    linkedin_url,
    lifecycle_stage,
    owner_provider_id,
    additional_domains
)
select $1, $2,
    incoming.external_provider_id,
    incoming.company_id,
    finite_timestamp(incoming.source_updated_at),
    incoming.content_hash,
    incoming.domain,
    incoming.identity_domain,
    incoming.company_name,
    incoming.company_name_folded,
    incoming.industry,
    incoming.naics,
    incoming.sic,
    incoming.employee_count,
    incoming.annual_revenue,
    incoming.annual_revenue_currency,
    incoming.annual_revenue_usd,
    incoming.annual_revenue_rate_date,
    incoming.revenue_range,
    incoming.hq_country,
    incoming.hq_region,
    incoming.hq_city,
    incoming.description,
    incoming.phone,
    incoming.linkedin_url,
    incoming.lifecycle_stage,
    incoming.owner_provider_id,
    incoming.additional_domains::text[]
from unnest(
    string_to_array($3, $4, ''),
    $5::uuid[],
    $6::timestamptz[],
    $7::bytea[],
    string_to_array($8, $4, ''),
    string_to_array($9, $4, ''),
    string_to_array($10, $4, ''),
    string_to_array($11, $4, ''),
    string_to_array($12, $4, ''),
    string_to_array($13, $4, ''),
    string_to_array($14, $4, ''),
    string_to_array($15, $4, '')::bigint[],
    string_to_array($16, $4, '')::numeric[],
    string_to_array($17, $4, ''),
    string_to_array($18, $4, '')::numeric[],
    string_to_array($19, $4, '')::date[],
    string_to_array($20, $4, ''),
    string_to_array($21, $4, ''),
    string_to_array($22, $4, ''),
    string_to_array($23, $4, ''),
    string_to_array($24, $4, ''),
    string_to_array($25, $4, ''),
    string_to_array($26, $4, ''),
    string_to_array($27, $4, ''),
    string_to_array($28, $4, ''),
    string_to_array($29, $4, '')
) as incoming (
    external_provider_id,
    company_id,
    source_updated_at,
    content_hash,
    domain,
    identity_domain,
    company_name,
    company_name_folded,
    industry,
    naics,
    sic,
    employee_count,
    annual_revenue,
    annual_revenue_currency,
    annual_revenue_usd,
    annual_revenue_rate_date,
    revenue_range,
    hq_country,
    hq_region,
    hq_city,
    description,
    phone,
    linkedin_url,
    lifecycle_stage,
    owner_provider_id,
    additional_domains
)
on conflict (user_id, external_source, external_provider_id) do update
set archived_at = null,
    company_id = excluded.company_id,
    source_updated_at = excluded.source_updated_at,
    content_hash = excluded.content_hash,
    domain = excluded.domain,
    identity_domain = excluded.identity_domain,
    company_name = excluded.company_name,
    company_name_folded = excluded.company_name_folded,
    industry = excluded.industry,
    naics = excluded.naics,
    sic = excluded.sic,
    employee_count = excluded.employee_count,
    annual_revenue = excluded.annual_revenue,
    annual_revenue_currency = excluded.annual_revenue_currency,
    annual_revenue_usd = excluded.annual_revenue_usd,
    annual_revenue_rate_date = excluded.annual_revenue_rate_date,
    revenue_range = excluded.revenue_range,
    hq_country = excluded.hq_country,
    hq_region = excluded.hq_region,
    hq_city = excluded.hq_city,
    description = excluded.description,
    phone = excluded.phone,
    linkedin_url = excluded.linkedin_url,
    lifecycle_stage = excluded.lifecycle_stage,
    owner_provider_id = excluded.owner_provider_id,
    additional_domains = excluded.additional_domains
where stored.source_updated_at <= excluded.source_updated_at
returning external_provider_id as record_id, xmax = 0 as was_insert
-- parameters: user_id, source, external_provider_id, separator, company_id, source_updated_at, content_hash, domain, identity_domain, company_name, company_name_folded, industry, naics, sic, employee_count, annual_revenue, annual_revenue_currency, annual_revenue_usd, annual_revenue_rate_date, revenue_range, hq_country, hq_region, hq_city, description, phone, linkedin_url, lifecycle_stage, owner_provider_id, additional_domains

-- upsert_contacts
with written as (
    insert into contacts as stored (
        user_id, external_source, revision, crm_rep_id,
        id,
        external_provider_id,
        source_updated_at,
        content_hash,
        email,
        email_folded,
        email_host,
        email_registrable_domain,
        email_kind,
        additional_emails,
        additional_email_domains,
        first_name,
        first_name_folded,
        last_name,
        last_name_folded,
        job_title,
        phone,
        lifecycle_stage,
        is_person_account,
        owner_provider_id,
        provider_company_id,
        company_association,
        company_id,
        company_match,
        unlinked_reason
    )
    select $1, $2, $3, rep.id,
        incoming.id,
        incoming.external_provider_id,
        finite_timestamp(incoming.source_updated_at),
        incoming.content_hash,
        incoming.email,
        incoming.email_folded,
        incoming.email_host,
        incoming.email_registrable_domain,
        incoming.email_kind,
        incoming.additional_emails::text[],
        incoming.additional_email_domains::text[],
        incoming.first_name,
        incoming.first_name_folded,
        incoming.last_name,
        incoming.last_name_folded,
        incoming.job_title,
        incoming.phone,
        incoming.lifecycle_stage,
        incoming.is_person_account,
        incoming.owner_provider_id,
        incoming.provider_company_id,
        incoming.company_association,
        incoming.company_id,
        incoming.company_match,
        incoming.unlinked_reason
    from unnest(
        $4::uuid[],
        string_to_array($5, $6, ''),
        $7::timestamptz[],
        $8::bytea[],
        string_to_array($9, $6, ''),
        string_to_array($10, $6, ''),
        string_to_array($11, $6, ''),
        string_to_array($12, $6, ''),
        string_to_array($13, $6, ''),
        string_to_array($14, $6, ''),
        string_to_array($15, $6, ''),
        string_to_array($16, $6, ''),
        string_to_array($17, $6, ''),
        string_to_array($18, $6, ''),
        string_to_array($19, $6, ''),
        string_to_array($20, $6, ''),
        string_to_array($21, $6, ''),
        string_to_array($22, $6, ''),
        $23::boolean[],
        string_to_array($24, $6, ''),
        string_to_array($25, $6, ''),
        string_to_array($26, $6, ''),
        $27::uuid[],
        string_to_array($28, $6, ''),
        string_to_array($29, $6, '')
    ) as incoming (
        id,
        external_provider_id,
        source_updated_at,
        content_hash,
        email,
        email_folded,
        email_host,
        email_registrable_domain,
        email_kind,
        additional_emails,
        additional_email_domains,
        first_name,
        first_name_folded,
        last_name,
        last_name_folded,
        job_title,
        phone,
        lifecycle_stage,
        is_person_account,
        owner_provider_id,
        provider_company_id,
        company_association,
        company_id,
        company_match,
        unlinked_reason
    )
    left join crm_owners as rep
        on rep.user_id = $1 and rep.external_source = $2
        and rep.external_provider_id = incoming.owner_provider_id
    on conflict (user_id, external_source, external_provider_id) do update
    set archived_at = null, revision = excluded.revision, crm_rep_id = excluded.crm_rep_id,
        source_updated_at = excluded.source_updated_at,
        content_hash = excluded.content_hash,
        email = excluded.email,
        email_folded = excluded.email_folded,
        email_host = excluded.email_host,
        email_registrable_domain = excluded.email_registrable_domain,
        email_kind = excluded.email_kind,
        additional_emails = excluded.additional_emails,
        additional_email_domains = excluded.additional_email_domains,
        first_name = excluded.first_name,
        first_name_folded = excluded.first_name_folded,
        last_name = excluded.last_name,
        last_name_folded = excluded.last_name_folded,
        job_title = excluded.job_title,
        phone = excluded.phone,
        lifecycle_stage = excluded.lifecycle_stage,
        is_person_account = excluded.is_person_account,
        owner_provider_id = excluded.owner_provider_id,
        provider_company_id = excluded.provider_company_id,
        company_association = excluded.company_association,
        company_id = excluded.company_id,
        company_match = excluded.company_match,
        unlinked_reason = excluded.unlinked_reason
    where stored.source_updated_at <= excluded.source_updated_at
    returning id, external_provider_id, xmax = 0 as was_insert
),
written_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $1, $3, 'contacts', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from written) as part
    group by part.number
)
select external_provider_id as record_id, was_insert from written
-- parameters: user_id, source, revision, id, external_provider_id, separator, source_updated_at, content_hash, email, email_folded, email_host, email_registrable_domain, email_kind, additional_emails, additional_email_domains, first_name, first_name_folded, last_name, last_name_folded, job_title, phone, lifecycle_stage, is_person_account, owner_provider_id, provider_company_id, company_association, company_id, company_match, unlinked_reason

-- upsert_deals
with written as (
    insert into deals as stored (
        user_id, external_source, revision, crm_rep_id, contact_ids,
        id,
        external_provider_id,
        source_updated_at,
        content_hash,
        name,
        amount,
        currency,
        amount_usd,
        amount_rate_date,
        pipeline_id,
        pipeline_label,
        stage_id,
        stage_label,
        probability,
        is_closed,
        is_won,
        close_date,
        owner_provider_id,
        provider_contact_ids,
        provider_company_id,
        company_association,
        company_id,
        company_match,
        unlinked_reason
    )
    select $1, $2, $3, rep.id,
        array(select arrived.id
              from unnest(incoming.provider_contact_ids::text[]) as named (id)
              cross join lateral (
                  select contact.id
                  from contacts as contact
                  where contact.user_id = $1 and contact.external_source = $2
                    and contact.external_provider_id = named.id and contact.archived_at is null
                  offset 0
              ) as arrived
              order by arrived.id),
        incoming.id,
        incoming.external_provider_id,
        finite_timestamp(incoming.source_updated_at),
        incoming.content_hash,
        incoming.name,
        incoming.amount,
        incoming.currency,
        incoming.amount_usd,
        incoming.amount_rate_date,
        incoming.pipeline_id,
        incoming.pipeline_label,
        incoming.stage_id,
        incoming.stage_label,
        incoming.probability,
        incoming.is_closed,
        incoming.is_won,
        finite_timestamp(incoming.close_date),
        incoming.owner_provider_id,
        incoming.provider_contact_ids::text[],
        incoming.provider_company_id,
        incoming.company_association,
        incoming.company_id,
        incoming.company_match,
        incoming.unlinked_reason
    from unnest(
        $4::uuid[],
        string_to_array($5, $6, ''),
        $7::timestamptz[],
        $8::bytea[],
        string_to_array($9, $6, ''),
        string_to_array($10, $6, '')::numeric[],
        string_to_array($11, $6, ''),
        string_to_array($12, $6, '')::numeric[],
        string_to_array($13, $6, '')::date[],
        string_to_array($14, $6, ''),
        string_to_array($15, $6, ''),
        string_to_array($16, $6, ''),
        string_to_array($17, $6, ''),
        string_to_array($18, $6, '')::numeric[],
        $19::boolean[],
        $20::boolean[],
        $21::timestamptz[],
        string_to_array($22, $6, ''),
        string_to_array($23, $6, ''),
        string_to_array($24, $6, ''),
        string_to_array($25, $6, ''),
        $26::uuid[],
        string_to_array($27, $6, ''),
        string_to_array($28, $6, '')
    ) as incoming (
        id,
        external_provider_id,
        source_updated_at,
        content_hash,
        name,
        amount,
        currency,
        amount_usd,
        amount_rate_date,
        pipeline_id,
        pipeline_label,
        stage_id,
        stage_label,
        probability,
        is_closed,
        is_won,
        close_date,
        owner_provider_id,
        provider_contact_ids,
        provider_company_id,
        company_association,
        company_id,
        company_match,
        unlinked_reason
    )
    left join crm_owners as rep
        on rep.user_id = $1 and rep.external_source = $2
        and rep.external_provider_id = incoming.owner_provider_id
    on conflict (user_id, external_source, external_provider_id) do update
    set archived_at = null, revision = excluded.revision, crm_rep_id = excluded.crm_rep_id,
        contact_ids = excluded.contact_ids,
        source_updated_at = excluded.source_updated_at,
        content_hash = excluded.content_hash,
        name = excluded.name,
        amount = excluded.amount,
        currency = excluded.currency,
        amount_usd = excluded.amount_usd,
        amount_rate_date = excluded.amount_rate_date,
        pipeline_id = excluded.pipeline_id,
        pipeline_label = excluded.pipeline_label,
        stage_id = excluded.stage_id,
        stage_label = excluded.stage_label,
        probability = excluded.probability,
        is_closed = excluded.is_closed,
        is_won = excluded.is_won,
        close_date = excluded.close_date,
        owner_provider_id = excluded.owner_provider_id,
        provider_contact_ids = excluded.provider_contact_ids,
        provider_company_id = excluded.provider_company_id,
        company_association = excluded.company_association,
        company_id = excluded.company_id,
        company_match = excluded.company_match,
        unlinked_reason = excluded.unlinked_reason
    where stored.source_updated_at <= excluded.source_updated_at
    returning id, external_provider_id, xmax = 0 as was_insert
),
written_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $1, $3, 'deals', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from written) as part
    group by part.number
)
select external_provider_id as record_id, was_insert from written
-- parameters: user_id, source, revision, id, external_provider_id, separator, source_updated_at, content_hash, name, amount, currency, amount_usd, amount_rate_date, pipeline_id, pipeline_label, stage_id, stage_label, probability, is_closed, is_won, close_date, owner_provider_id, provider_contact_ids, provider_company_id, company_association, company_id, company_match, unlinked_reason

-- upsert_owners
with written as (
    insert into crm_owners as stored (
        user_id, external_source, revision, id, external_provider_id, email, first_name, last_name, archived
    )
    select $1, $2, $3, incoming.*
    from unnest(
        $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::boolean[]
    ) as incoming
    on conflict (user_id, external_source, external_provider_id) do update
    set email = excluded.email, first_name = excluded.first_name, last_name = excluded.last_name,
        archived = excluded.archived, revision = excluded.revision
    where (stored.email, stored.first_name, stored.last_name, stored.archived)
        is distinct from (excluded.email, excluded.first_name, excluded.last_name, excluded.archived)
    returning id
),
written_upserted as (
    insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
    select $1, $3, 'owners', count(*), array_agg(part.id), null, null::uuid[]
    from (select *, (row_number() over () - 1) / 1000 as number from written) as part
    group by part.number
)
select count(*) from written
-- parameters: user_id, source, revision, ids, record_ids, emails, first_names, last_names, archived
