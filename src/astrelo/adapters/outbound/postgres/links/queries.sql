-- name: relink_companies
-- Decide every company's rep anew: the owner of the freshest of its records that has a known one, unless a
-- pin names another that has.
with decided as (
    select distinct on (record.company_id) record.company_id, rep.id as crm_rep_id
    from crm_companies as record
    join companies as company
        on company.user_id = :user_id and company.id = record.company_id
        and (company.archived_at is null) = (record.archived_at is null)
    left join crm_owners as rep
        on rep.user_id = :user_id and rep.external_source = record.external_source
        and rep.external_provider_id = record.owner_provider_id
    left join company_pins as pin
        on pin.user_id = :user_id and pin.external_source = record.external_source
        and pin.external_provider_id = record.external_provider_id and pin.field_group = 'rep'
    where record.user_id = :user_id
    order by record.company_id, rep.id is null, pin.pinned_at desc nulls last, record.source_updated_at desc,
        record.external_source collate "C", record.external_provider_id collate "C"
),
relinked as (
    update companies as company
    set crm_rep_id = decided.crm_rep_id, revision = :revision
    from decided
    where company.user_id = :user_id and company.id = decided.company_id
      and company.crm_rep_id is distinct from decided.crm_rep_id
    returning company.id
),
<<upserted companies: relinked>>
select count(*) from relinked

-- name: relink_contacts
-- Decide every contact's company and rep anew; the rule is link_contact's in the domain.
with further as (
    -- additional domains that records of one company only name, and that are no company's own
    select named.domain, min(record.company_id::text)::uuid as id
    from company_domains as named
    join crm_companies as record
        on record.user_id = :user_id and record.external_source = named.external_source
        and record.external_provider_id = named.external_provider_id and record.archived_at is null
    left join companies as own on own.user_id = :user_id and own.domain = named.domain
    where named.user_id = :user_id and own.id is null
    group by named.domain
    having count(distinct record.company_id) = 1
),
additional_email as materialized (
    -- apart, or the planner joins the companies anew for each contact
    select person.id as contact_id, email.domain, email.place
    from contacts as person
    cross join lateral unnest(person.additional_email_domains) with ordinality as email (domain, place)
    where person.user_id = :user_id and person.additional_email_domains is not null
),
by_additional_email as (
    select distinct on (email.contact_id) email.contact_id, coalesce(own.id, further.id) as company_id
    from additional_email as email
    left join companies as own on own.user_id = :user_id and own.domain = email.domain
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
        on associated.user_id = :user_id and associated.external_source = person.external_source
        and associated.external_provider_id = person.provider_company_id and associated.archived_at is null
    left join companies as by_host
        on by_host.user_id = :user_id and by_host.domain = person.email_host
    left join further as further_host on further_host.domain = person.email_host
    left join companies as by_registrable
        on by_registrable.user_id = :user_id and by_registrable.domain = person.email_registrable_domain
    left join further as further_registrable on further_registrable.domain = person.email_registrable_domain
    left join by_additional_email on by_additional_email.contact_id = person.id
    left join crm_owners as rep
        on rep.user_id = :user_id and rep.external_source = person.external_source
        and rep.external_provider_id = person.owner_provider_id
    where person.user_id = :user_id
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
        unlinked_reason = decided.unlinked_reason, crm_rep_id = decided.crm_rep_id, revision = :revision
    from decided
    where contact.user_id = :user_id and contact.id = decided.id
      and (contact.company_id, contact.company_match, contact.unlinked_reason, contact.crm_rep_id)
        is distinct from
          (decided.company_id, decided.company_match, decided.unlinked_reason, decided.crm_rep_id)
    returning contact.id
),
<<upserted contacts: relinked>>
select count(*) from relinked

-- name: relink_deals
-- Decide every deal's company, contacts and rep anew: by the company that the CRM associates, and by nothing
-- else; the rule is link_deal's in the domain.
with named as (
    -- apart, or the planner pairs all deals with all contacts and looks for the ids then
    select id, external_source, unnest(provider_contact_ids) as provider_contact_id
    from deals
    where user_id = :user_id
),
arrived as (
    select named.id, array_agg(contact.id order by contact.id) as contact_ids
    from named
    join contacts as contact
        on contact.user_id = :user_id and contact.external_source = named.external_source
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
        on associated.user_id = :user_id and associated.external_source = sale.external_source
        and associated.external_provider_id = sale.provider_company_id and associated.archived_at is null
    left join crm_owners as rep
        on rep.user_id = :user_id and rep.external_source = sale.external_source
        and rep.external_provider_id = sale.owner_provider_id
    left join arrived on arrived.id = sale.id
    where sale.user_id = :user_id
),
relinked as (
    update deals as deal
    set company_id = decided.company_id, company_match = decided.company_match,
        unlinked_reason = decided.unlinked_reason, contact_ids = decided.contact_ids,
        crm_rep_id = decided.crm_rep_id, revision = :revision
    from decided
    where deal.user_id = :user_id and deal.id = decided.id
      and (deal.company_id, deal.company_match, deal.unlinked_reason, deal.contact_ids, deal.crm_rep_id)
        is distinct from
          (decided.company_id, decided.company_match, decided.unlinked_reason, decided.contact_ids,
           decided.crm_rep_id)
    returning deal.id
),
<<upserted deals: relinked>>
select count(*) from relinked

-- name: lock_links
-- Hold alone, until the transaction ends, the user's right to link contacts and deals.
select pg_advisory_xact_lock(hashtextextended(:user_id::uuid::text, 7273))

-- name: share_links
-- Hold together with others, until the transaction ends, the user's right to link contacts and deals.
select pg_advisory_xact_lock_shared(hashtextextended(:user_id::uuid::text, 7273))

-- name: disable_nested_loops
-- Rule out nested loops, and compiling, until they are allowed again or the transaction ends: after a first sync the
-- tables have no statistics yet, and a loop over a hundred thousand rows takes minutes where a hash join takes a second.
select set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)

-- name: allow_nested_loops
-- Let the rest of the transaction be planned as usual.
select set_config('enable_nestloop', 'on', true)

-- name: follow_merged_companies
-- Let contacts and deals follow company records that were merged away.
with merged (old_id, new_id) as (
    select * from unnest(:old_ids::text[], :new_ids::text[])
),
people as (
    update contacts as contact set provider_company_id = merged.new_id, revision = :revision
    from merged
    where contact.user_id = :user_id and contact.external_source = :source
      and contact.provider_company_id = merged.old_id
    returning contact.id
),
opportunities as (
    update deals as deal set provider_company_id = merged.new_id, revision = :revision
    from merged
    where deal.user_id = :user_id and deal.external_source = :source
      and deal.provider_company_id = merged.old_id
    returning deal.id
),
<<upserted contacts: people>>,
<<upserted deals: opportunities>>
select count(*) from people

-- name: follow_merged_contacts
-- Let deals follow contact records that were merged away.
with followed as (
    update deals
    set provider_contact_ids = array(
        select distinct coalesce(merged.new_id, named.id) collate "C" as id
        from unnest(provider_contact_ids) as named (id)
        left join unnest(:old_ids::text[], :new_ids::text[]) as merged (old_id, new_id)
            on merged.old_id = named.id
        order by id
    ), revision = :revision
    where user_id = :user_id and external_source = :source and provider_contact_ids && :old_ids::text[]
    returning id
),
<<upserted deals: followed>>
select count(*) from followed

-- name: are_links_decided
-- Whether no record of the user has changed since every link was decided.
select exists (
    select 1
    from linked_feeds as linked
    join feed_heads as head on head.user_id = :user_id and head.position = linked.position
    where linked.user_id = :user_id
)

-- name: note_links_decided
-- Remember through where every link is decided: what this transaction changes has the next position, unless another
-- commits before. Then the position noted is nobody's, and the next run decides the links anew.
insert into linked_feeds as linked (user_id, position)
select :user_id, head.position + (select count(*) from (
    select 1 from feed_entries where user_id = :user_id and revision = :revision limit 1
) as own)
from feed_heads as head
where head.user_id = :user_id
on conflict (user_id) do update
set position = excluded.position
