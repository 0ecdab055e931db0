-- Indexes for what lists are filtered by, counts kept by runs, and where each CRM's records are opened
-- depends: 0009_change_feed

-- migrate: apply

-- Every index entry costs a sync, so columns with few values share one: PostgreSQL 18 skips over those in front that a
-- filter leaves out (ADR 15). All are partial, by what a filter implies or by a condition that lists repeat: while a
-- first sync has no statistics, the planner would otherwise take any of them for the look-ups of a batch, since it
-- takes a user's rows for few, and read all of them for each batch.
-- What is typed freely is cut, since an entry holds 2,700 bytes at most.
alter table companies add column industry_key text generated always as (left(industry, 201)) stored;
alter table deals
    add column pipeline_id_key text generated always as (left(pipeline_id, 101)) stored,
    add column pipeline_label_key text generated always as (left(pipeline_label, 101)) stored,
    add column stage_id_key text generated always as (left(stage_id, 101)) stored,
    add column stage_label_key text generated always as (left(stage_label, 101)) stored;
create index companies_profile on companies (user_id, revenue_range, industry_key, employee_count)
    where length(external_source) <> 0;
create index companies_place on companies (user_id, hq_country, hq_region) where length(external_source) <> 0;
create index companies_naics on companies (user_id, naics text_pattern_ops) where naics is not null;
create index crm_companies_source on crm_companies (user_id, external_source, company_id)
    where archived_at is null and length(external_source) <> 0;
create index contacts_reason on contacts (user_id, unlinked_reason, crm_rep_id)
    where length(external_source) <> 0;
create index contacts_first_name on contacts
    (user_id, first_name_folded text_pattern_ops, last_name_folded text_pattern_ops)
    where first_name_folded is not null;
create index contacts_last_name on contacts (user_id, last_name_folded text_pattern_ops)
    where last_name_folded is not null;
create index deals_stage on deals
    (user_id, is_closed, is_won, pipeline_id_key, stage_id_key, pipeline_label_key, stage_label_key,
     crm_rep_id)
    where length(external_source) <> 0;
-- Not a GIN index: containment is no leakproof operator, so row-level security would take the index away.
create index deals_first_contact on deals (user_id, (provider_contact_ids[1]))
    where provider_contact_ids[1] is not null;
create index deals_second_contact on deals (user_id, (provider_contact_ids[2]))
    where provider_contact_ids[2] is not null;
create index deals_further_contacts on deals (user_id) where provider_contact_ids[3] is not null;

-- Counted when a run ends, so that showing progress counts nothing.
create table connection_counts (
    user_id        uuid        not null,
    connection_id  uuid        not null,
    counted_at     timestamptz not null,
    counts         jsonb       not null,
    constraint connection_counts_pkey primary key (user_id, connection_id),
    constraint connection_counts_connection_fkey foreign key (user_id, connection_id)
        references crm_connections on delete cascade
);
create table company_counts (
    user_id           uuid        not null,
    counted_at        timestamptz not null,
    companies         bigint      not null,
    with_two_sources  bigint      not null,
    constraint company_counts_pkey primary key (user_id)
);
insert into company_counts (user_id, counted_at, companies, with_two_sources)
select user_id, now(), count(*), count(*) filter (where first_source <> last_source)
from (
    select user_id, min(external_source) as first_source, max(external_source) as last_source
    from crm_companies
    where archived_at is null
    group by user_id, company_id
) as company
group by user_id;
insert into connection_counts (user_id, connection_id, counted_at, counts)
select user_id, id, now(), jsonb_build_object(
    'companies', (
        select jsonb_build_object('records', count(*), 'entities', count(distinct company_id))
        from crm_companies as record
        where record.user_id = connection.user_id and external_source = provider and archived_at is null),
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
        from contacts as contact
        where contact.user_id = connection.user_id and external_source = provider and archived_at is null),
    'deals', (
        select jsonb_build_object(
            'total', count(*), 'linked', count(company_id), 'unlinked', count(*) - count(company_id))
        from deals as deal
        where deal.user_id = connection.user_id and external_source = provider and archived_at is null),
    'owners', (
        select count(*) from crm_owners as rep
        where rep.user_id = connection.user_id and external_source = provider))
from crm_connections as connection;

-- Where a person opens the account's records; null where it is not known before the account is connected again.
alter table crm_connections add column app_url text;
update crm_connections as connection
set app_url = token.api_url
from crm_tokens as token
where token.api_url is not null
  and token.user_id = connection.user_id and token.connection_id = connection.id;

-- migrate: rollback

alter table crm_connections drop column app_url;
drop table company_counts;
drop table connection_counts;
drop index deals_further_contacts;
drop index deals_second_contact;
drop index deals_first_contact;
drop index deals_stage;
drop index contacts_last_name;
drop index contacts_first_name;
drop index contacts_reason;
drop index crm_companies_source;
drop index companies_naics;
drop index companies_place;
drop index companies_profile;
alter table deals drop column stage_label_key, drop column stage_id_key, drop column pipeline_label_key,
    drop column pipeline_id_key;
alter table companies drop column industry_key;
