-- One golden record: further domains and addresses, amounts in USD, pins, and what a run could not read
-- depends: 0006_person_accounts_and_who_connected

-- migrate: apply

-- A driver sends the first and the last moment of its calendar as infinity.
create function finite_timestamp(moment timestamptz) returns timestamptz
language sql immutable parallel safe
return case moment
    when 'infinity' then timestamptz '9999-12-31 23:59:59.999999+00'
    when '-infinity' then timestamptz '0001-01-01 00:00:00+00'
    else moment
end;
update companies set source_updated_at = finite_timestamp(source_updated_at)
where source_updated_at in ('infinity', '-infinity');
update crm_companies set source_updated_at = finite_timestamp(source_updated_at)
where source_updated_at in ('infinity', '-infinity');
update contacts set source_updated_at = finite_timestamp(source_updated_at)
where source_updated_at in ('infinity', '-infinity');
update deals
set source_updated_at = finite_timestamp(source_updated_at), close_date = finite_timestamp(close_date)
where source_updated_at in ('infinity', '-infinity') or close_date in ('infinity', '-infinity');

alter table crm_companies
    add column company_name_folded text,
    add column annual_revenue_usd numeric,
    add column annual_revenue_rate_date date,
    add column additional_domains text[];
alter table companies
    add column company_name_folded text,
    add column annual_revenue_usd numeric,
    add column annual_revenue_rate_date date;
-- Good for most names; the next full sync, which the new reading version brings about, folds the others.
update crm_companies set company_name_folded = lower(left(company_name, 200)) where company_name is not null;
update companies set company_name_folded = lower(left(company_name, 200)) where company_name is not null;
drop index companies_name;
create index companies_name_folded on companies (user_id, company_name_folded text_pattern_ops);

-- Further places where contacts find a firm; derived from crm_companies.additional_domains.
create table company_domains (
    user_id               uuid not null,
    domain                text not null,
    external_source       text not null,
    external_provider_id  text not null,
    constraint company_domains_pkey primary key (user_id, domain, external_source, external_provider_id),
    constraint company_domains_record_fkey foreign key (user_id, external_source, external_provider_id)
        references crm_companies on delete cascade
);
create index company_domains_record on company_domains (user_id, external_source, external_provider_id);

-- A person's decision that a field group comes from this record, whichever company the record belongs to.
create table company_pins (
    user_id               uuid        not null,
    external_source       text        not null,
    external_provider_id  text        not null,
    field_group           text        not null,
    pinned_at             timestamptz not null,
    constraint company_pins_pkey primary key (user_id, external_source, external_provider_id, field_group),
    constraint company_pins_record_fkey foreign key (user_id, external_source, external_provider_id)
        references crm_companies on delete cascade
);

alter table contacts
    add column company_association text,
    add column additional_emails text[],
    add column additional_email_domains text[],
    add column email_folded text,
    add column first_name_folded text,
    add column last_name_folded text;
update contacts
set email_folded = email, first_name_folded = lower(left(first_name, 200)),
    last_name_folded = lower(left(last_name, 200));
drop index contacts_email;
create index contacts_email_folded on contacts (user_id, email_folded text_pattern_ops);

alter table deals
    add column amount_usd numeric,
    add column amount_rate_date date,
    add column company_association text,
    add column company_match text,
    add column unlinked_reason text;

-- By which rules a step, and all that a connection holds of an object type, was read.
alter table sync_steps
    add column reading_version bytea not null default '',
    add column hidden jsonb not null default '{}';
alter table connection_freshness add column reading_version bytea not null default '';

create table sync_unreadable (
    user_id      uuid   not null,
    run_id       uuid   not null,
    object_type  text   not null,
    field        text   not null,
    trouble      text   not null,
    records      bigint not null,
    record_ids   text[] not null,
    constraint sync_unreadable_pkey primary key (user_id, run_id, object_type, field, trouble),
    constraint sync_unreadable_run_fkey foreign key (user_id, run_id) references sync_runs on delete cascade
);

-- migrate: rollback

drop table sync_unreadable;
alter table connection_freshness drop column reading_version;
alter table sync_steps drop column hidden, drop column reading_version;
alter table deals drop column unlinked_reason, drop column company_match, drop column company_association,
    drop column amount_rate_date, drop column amount_usd;
drop index contacts_email_folded;
create index contacts_email on contacts (user_id, email text_pattern_ops);
alter table contacts drop column last_name_folded, drop column first_name_folded, drop column email_folded,
    drop column additional_email_domains, drop column additional_emails, drop column company_association;
drop table company_pins;
drop table company_domains;
drop index companies_name_folded;
create index companies_name on companies (user_id, (lower(left(company_name, 200))) text_pattern_ops);
alter table companies drop column annual_revenue_rate_date, drop column annual_revenue_usd,
    drop column company_name_folded;
alter table crm_companies drop column additional_domains, drop column annual_revenue_rate_date,
    drop column annual_revenue_usd, drop column company_name_folded;
drop function finite_timestamp(timestamptz);
