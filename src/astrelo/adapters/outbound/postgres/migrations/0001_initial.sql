-- The first schema
-- depends:

-- The whole first schema. Tenant tables begin every key with user_id, so that a link cannot cross
-- tenants, one predicate isolates a tenant, and the tables can be distributed by it.
-- Routing tables, found without a tenant: oauth_states (by the hash of the state) and the job queue.

-- migrate: apply

create table crm_connections (
    user_id            uuid        not null,
    id                 uuid        not null,
    provider           text        not null,
    account_id         text        not null,
    account_name       text        not null,
    account_currency   text,
    account_time_zone  text,
    scopes             text[]      not null,
    status             text        not null,
    reason             text,
    connected_at       timestamptz not null,
    sync_requested_at  timestamptz,
    constraint crm_connections_pkey primary key (user_id, id),
    constraint crm_connections_one_per_provider unique (user_id, provider)
);

create table crm_tokens (
    user_id        uuid   not null,
    connection_id  uuid   not null,
    access_token   bytea  not null,
    refresh_token  bytea  not null,
    expires_at     timestamptz,
    scopes         text[] not null,
    generation     bigint not null,
    constraint crm_tokens_pkey primary key (user_id, connection_id),
    constraint crm_tokens_connection_fkey foreign key (user_id, connection_id)
        references crm_connections on delete cascade
);

-- What each object type of a connection is known to hold: everything told up to complete_as_of.
create table connection_freshness (
    user_id         uuid        not null,
    connection_id   uuid        not null,
    object_type     text        not null,
    complete_as_of  timestamptz not null,
    constraint connection_freshness_pkey primary key (user_id, connection_id, object_type),
    constraint connection_freshness_connection_fkey foreign key (user_id, connection_id)
        references crm_connections on delete cascade
);

create table oauth_states (
    state_hash     bytea       not null,
    browser_hash   bytea       not null,
    user_id        uuid        not null,
    provider       text        not null,
    code_verifier  bytea       not null,
    replace        boolean     not null,
    return_path    text        not null,
    expires_at     timestamptz not null,
    constraint oauth_states_pkey primary key (state_hash)
);
create index oauth_states_expires_at on oauth_states (expires_at);

create table icp_profiles (
    user_id         uuid    not null,
    id              uuid    not null,
    name            text    not null,
    is_default      boolean not null,
    industries      text[]  not null,
    naics           text[]  not null,
    employee_min    integer,
    employee_max    integer,
    revenue_ranges  text[]  not null,
    countries       text[]  not null,
    constraint icp_profiles_pkey primary key (user_id, id)
);
create unique index icp_profiles_one_default on icp_profiles (user_id) where is_default;

create table sync_runs (
    user_id        uuid        not null,
    id             uuid        not null,
    connection_id  uuid        not null,
    provider       text        not null,
    mode           text        not null,
    status         text        not null,
    reason         text,
    requested_at   timestamptz not null,
    started_at     timestamptz,
    finished_at    timestamptz,
    parked_until   timestamptz,
    attempts       integer     not null,
    constraint sync_runs_pkey primary key (user_id, id),
    constraint sync_runs_connection_fkey foreign key (user_id, connection_id)
        references crm_connections on delete cascade
);
create unique index sync_runs_one_open on sync_runs (user_id, connection_id)
    where status in ('queued', 'running', 'parked');
create index sync_runs_by_connection on sync_runs (user_id, connection_id, requested_at desc);

create table sync_steps (
    user_id         uuid    not null,
    run_id          uuid    not null,
    object_type     text    not null,
    status          text    not null,
    epoch           bigint  not null,
    cursor          text,
    received        bigint  not null,
    repeats         bigint  not null,
    inserted        bigint  not null,
    updated         bigint  not null,
    unchanged       bigint  not null,
    stale           bigint  not null,
    rejected        jsonb   not null,
    unreadable      jsonb   not null,
    expected_total  bigint,
    window_start    timestamptz,
    window_end      timestamptz,
    reason          text,
    constraint sync_steps_pkey primary key (user_id, run_id, object_type),
    constraint sync_steps_run_fkey foreign key (user_id, run_id) references sync_runs on delete cascade
) with (fillfactor = 50);

-- Ids received by a run, one row a batch: first_id and last_id let a look-up skip batches.
create table sync_seen (
    user_id      uuid   not null,
    run_id       uuid   not null,
    object_type  text   not null,
    batch        bigint generated always as identity,
    first_id     text   collate "C" not null,
    last_id      text   collate "C" not null,
    ids          text[] not null,
    constraint sync_seen_pkey primary key (user_id, run_id, object_type, batch),
    constraint sync_seen_run_fkey foreign key (user_id, run_id) references sync_runs on delete cascade
);

create table sync_rejections (
    user_id      uuid   not null,
    run_id       uuid   not null,
    object_type  text   not null,
    ordinal      bigint generated always as identity,
    record_id    text,
    reason       text   not null,
    constraint sync_rejections_pkey primary key (user_id, run_id, object_type, ordinal),
    constraint sync_rejections_run_fkey foreign key (user_id, run_id) references sync_runs on delete cascade
);

create table crm_owners (
    user_id               uuid    not null,
    id                    uuid    not null,
    external_source       text    not null,
    external_provider_id  text    not null,
    email                 text,
    first_name            text,
    last_name             text,
    archived              boolean not null,
    constraint crm_owners_pkey primary key (user_id, id),
    constraint crm_owners_provider_key unique (user_id, external_source, external_provider_id)
);

-- What we conclude: one row per firm, showing its leading record.
create table companies (
    user_id                  uuid        not null,
    id                       uuid        not null,
    domain                   text,
    company_name             text,
    industry                 text,
    naics                    text,
    sic                      text,
    employee_count           bigint,
    annual_revenue           numeric,
    annual_revenue_currency  text,
    revenue_range            text,
    hq_country               text,
    hq_region                text,
    hq_city                  text,
    description              text,
    phone                    text,
    linkedin_url             text,
    lifecycle_stage          text,
    crm_rep_id               uuid,
    external_source          text        not null,
    external_provider_id     text        not null,
    source_updated_at        timestamptz not null,
    created_at               timestamptz not null,
    synced_at                timestamptz not null,
    archived_at              timestamptz,
    constraint companies_pkey primary key (user_id, id),
    constraint companies_rep_fkey foreign key (user_id, crm_rep_id)
        references crm_owners on delete set null (crm_rep_id)
);
create unique index companies_domain_key on companies (user_id, domain) where domain is not null;
create index companies_name on companies (user_id, (lower(left(company_name, 200))) text_pattern_ops);

create table company_aliases (
    user_id     uuid not null,
    alias_id    uuid not null,
    company_id  uuid not null,
    constraint company_aliases_pkey primary key (user_id, alias_id),
    constraint company_aliases_company_fkey foreign key (user_id, company_id)
        references companies on delete cascade
);
create index company_aliases_company on company_aliases (user_id, company_id);

-- What the CRM says: one row per company record. The reference to companies is checked at commit,
-- since a company is made from the records that point to it.
create table crm_companies (
    user_id                  uuid        not null,
    external_source          text        not null,
    external_provider_id     text        not null,
    company_id               uuid        not null,
    source_updated_at        timestamptz not null,
    content_hash             bytea       not null,
    archived_at              timestamptz,
    company_name             text,
    domain                   text,
    identity_domain          text,
    industry                 text,
    naics                    text,
    sic                      text,
    employee_count           bigint,
    annual_revenue           numeric,
    annual_revenue_currency  text,
    revenue_range            text,
    hq_country               text,
    hq_region                text,
    hq_city                  text,
    description              text,
    phone                    text,
    linkedin_url             text,
    lifecycle_stage          text,
    owner_provider_id        text,
    constraint crm_companies_pkey primary key (user_id, external_source, external_provider_id),
    constraint crm_companies_company_fkey foreign key (user_id, company_id)
        references companies deferrable initially deferred
);
create index crm_companies_company on crm_companies (user_id, company_id);

create table contacts (
    user_id                   uuid        not null,
    id                        uuid        not null,
    external_source           text        not null,
    external_provider_id      text        not null,
    source_updated_at         timestamptz not null,
    content_hash              bytea       not null,
    synced_at                 timestamptz not null,
    archived_at               timestamptz,
    email                     text,
    email_host                text,
    email_registrable_domain  text,
    email_kind                text        not null,
    first_name                text,
    last_name                 text,
    job_title                 text,
    phone                     text,
    lifecycle_stage           text,
    owner_provider_id         text,
    crm_rep_id                uuid,
    provider_company_id       text,
    company_id                uuid,
    company_match             text,
    unlinked_reason           text,
    constraint contacts_pkey primary key (user_id, id),
    constraint contacts_provider_key unique (user_id, external_source, external_provider_id),
    constraint contacts_company_fkey foreign key (user_id, company_id)
        references companies on delete set null (company_id),
    constraint contacts_rep_fkey foreign key (user_id, crm_rep_id)
        references crm_owners on delete set null (crm_rep_id),
    constraint contacts_link_or_reason check ((company_id is null) = (company_match is null))
);
create index contacts_company on contacts (user_id, company_id);
create index contacts_email on contacts (user_id, email text_pattern_ops);
create index contacts_email_registrable_domain on contacts (user_id, email_registrable_domain)
    where email_registrable_domain is not null;

create table deals (
    user_id               uuid        not null,
    id                    uuid        not null,
    external_source       text        not null,
    external_provider_id  text        not null,
    source_updated_at     timestamptz not null,
    content_hash          bytea       not null,
    synced_at             timestamptz not null,
    archived_at           timestamptz,
    name                  text,
    amount                numeric,
    currency              text,
    pipeline_id           text,
    pipeline_label        text,
    stage_id              text,
    stage_label           text,
    probability           numeric,
    is_closed             boolean,
    is_won                boolean,
    close_date            timestamptz,
    owner_provider_id     text,
    crm_rep_id            uuid,
    provider_company_id   text,
    company_id            uuid,
    constraint deals_pkey primary key (user_id, id),
    constraint deals_provider_key unique (user_id, external_source, external_provider_id),
    constraint deals_company_fkey foreign key (user_id, company_id)
        references companies on delete set null (company_id),
    constraint deals_rep_fkey foreign key (user_id, crm_rep_id)
        references crm_owners on delete set null (crm_rep_id)
);
create index deals_company on deals (user_id, company_id);

-- By the CRM's id, which leads to the contact once it has arrived: no id of ours, which would have to be
-- looked up for every pair and looked after when contacts come and go.
create table deal_contacts (
    user_id              uuid not null,
    deal_id              uuid not null,
    provider_contact_id  text not null,
    constraint deal_contacts_pkey primary key (user_id, deal_id, provider_contact_id),
    constraint deal_contacts_deal_fkey foreign key (user_id, deal_id) references deals on delete cascade
);

-- migrate: rollback

drop table deal_contacts, deals, contacts, crm_companies, company_aliases, companies, crm_owners,
    sync_rejections, sync_seen, sync_steps, sync_runs, icp_profiles, oauth_states, connection_freshness,
    crm_tokens, crm_connections;
