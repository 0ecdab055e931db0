-- name: archive_contacts
-- Archive contacts that are live.
update contacts
set archived_at = :at, synced_at = :at
where user_id = :user_id and external_source = :source and external_provider_id = any (:record_ids::text[])
  and archived_at is null

-- name: list_archived_contacts
-- A source's archived contacts.
select external_provider_id as record_id
from contacts
where user_id = :user_id and external_source = :source and archived_at is not null

-- name: erase_contacts
-- Delete contacts for good, and from the deals that name them. Those no longer hold what their hash says,
-- so that the next copy of them is not taken for unchanged.
with deals_without as (
    update deals
    set provider_contact_ids = array(
        select id from unnest(provider_contact_ids) as named (id)
        where id <> all (:record_ids::text[])
        order by id collate "C"
    ), content_hash = ''
    where user_id = :user_id and external_source = :source and provider_contact_ids && :record_ids::text[]
)
delete from contacts
where user_id = :user_id and external_source = :source and external_provider_id = any (:record_ids::text[])

-- name: get_known_contacts
-- What is stored of contacts.
select external_provider_id as record_id, id as entity_id, content_hash, source_updated_at,
       archived_at
from contacts
where user_id = :user_id and external_source = :source
  and external_provider_id = any (string_to_array(:record_ids, :separator))

-- name: count_live_contacts
-- How many live records a source has.
select count(*) from contacts where user_id = :user_id and external_source = :source and archived_at is null

-- name: delete_contacts
-- Delete a source's contacts.
delete from contacts where user_id = :user_id and external_source = :source

-- name: upsert_contacts
-- Insert or update contacts; an older copy never overwrites. Texts arrive as columns of the batch, each
-- joined by the separator (see encoding.py).
insert into contacts as stored (
    user_id, external_source, synced_at, id, external_provider_id, source_updated_at, content_hash, email,
    email_host, email_registrable_domain, email_kind, first_name, last_name, job_title, phone,
    lifecycle_stage, owner_provider_id, provider_company_id, company_id, company_association, company_match,
    unlinked_reason, email_folded, first_name_folded, last_name_folded, additional_emails,
    additional_email_domains, is_person_account, crm_rep_id
)
select :user_id, :source, :at, incoming.id, incoming.record_id, finite_timestamp(incoming.source_updated_at), incoming.content_hash,
    incoming.email, incoming.email_host, incoming.email_registrable_domain, incoming.email_kind, incoming.first_name,
    incoming.last_name, incoming.job_title, incoming.phone, incoming.lifecycle_stage, incoming.owner_id,
    incoming.provider_company_id, incoming.company_id, incoming.company_association, incoming.company_match,
    incoming.unlinked_reason, incoming.email_folded, incoming.first_name_folded, incoming.last_name_folded,
    incoming.additional_emails::text[], incoming.additional_email_domains::text[], incoming.is_person_account, rep.id
from unnest(
    :id::uuid[], string_to_array(:record_id, :separator, ''), :source_updated_at::timestamptz[], :content_hash::bytea[], string_to_array(:email, :separator, ''),
    string_to_array(:email_host, :separator, ''), string_to_array(:email_registrable_domain, :separator, ''), string_to_array(:email_kind, :separator, ''),
    string_to_array(:first_name, :separator, ''), string_to_array(:last_name, :separator, ''), string_to_array(:job_title, :separator, ''),
    string_to_array(:phone, :separator, ''), string_to_array(:lifecycle_stage, :separator, ''), string_to_array(:owner_provider_id, :separator, ''),
    string_to_array(:provider_company_id, :separator, ''), :company_id::uuid[], string_to_array(:company_association, :separator, ''), string_to_array(:company_match, :separator, ''),
    string_to_array(:unlinked_reason, :separator, ''), string_to_array(:email_folded, :separator, ''), string_to_array(:first_name_folded, :separator, ''),
    string_to_array(:last_name_folded, :separator, ''), string_to_array(:additional_emails, :separator, ''), string_to_array(:additional_email_domains, :separator, ''), :is_person_account::boolean[]
) as incoming (
    id, record_id, source_updated_at, content_hash, email, email_host, email_registrable_domain,
    email_kind, first_name, last_name, job_title, phone, lifecycle_stage, owner_id, provider_company_id,
    company_id, company_association, company_match, unlinked_reason, email_folded, first_name_folded,
    last_name_folded, additional_emails, additional_email_domains, is_person_account
)
left join crm_owners as rep
    on rep.user_id = :user_id and rep.external_source = :source
    and rep.external_provider_id = incoming.owner_id
on conflict (user_id, external_source, external_provider_id) do update
set source_updated_at = excluded.source_updated_at, content_hash = excluded.content_hash,
    synced_at = excluded.synced_at, archived_at = null, email = excluded.email,
    email_host = excluded.email_host, email_registrable_domain = excluded.email_registrable_domain,
    email_kind = excluded.email_kind, first_name = excluded.first_name, last_name = excluded.last_name,
    job_title = excluded.job_title, phone = excluded.phone, lifecycle_stage = excluded.lifecycle_stage,
    owner_provider_id = excluded.owner_provider_id, provider_company_id = excluded.provider_company_id,
    company_id = excluded.company_id, company_association = excluded.company_association,
    company_match = excluded.company_match, unlinked_reason = excluded.unlinked_reason,
    email_folded = excluded.email_folded, first_name_folded = excluded.first_name_folded,
    last_name_folded = excluded.last_name_folded, additional_emails = excluded.additional_emails,
    additional_email_domains = excluded.additional_email_domains,
    is_person_account = excluded.is_person_account, crm_rep_id = excluded.crm_rep_id
where stored.source_updated_at <= excluded.source_updated_at
returning external_provider_id as record_id, xmax = 0 as was_insert

-- name: list_unseen_contacts
-- A source's live records that a run has not received. A set difference, which is hashed or sorted: an
-- anti-join becomes a loop over a loop where the tables have no statistics yet, and minutes for twenty
-- thousand records.
select external_provider_id as record_id
from contacts
where user_id = :user_id and external_source = :source and archived_at is null
except
select unnest(ids)
from sync_seen
where user_id = :user_id and run_id = :run_id and object_type = :object_type

-- name: read_contact
-- One contact, archived or not.
select c.id, c.email, c.first_name, c.last_name, c.job_title, c.phone, c.lifecycle_stage, c.crm_rep_id,
    c.company_id, c.company_match, c.unlinked_reason,
    coalesce(c.additional_emails, '{}') as additional_emails, c.external_source, c.external_provider_id,
    c.source_updated_at, c.synced_at, c.archived_at
from contacts c
where c.user_id = :user_id and c.id = :contact_id

-- name: read_contacts
-- A page of a user's contacts, in order of id. Null narrows nothing; both patterns are folded and LIKE-
-- escaped, with % at their end. A merged company's id finds the contacts of the one that it was merged
-- into.
select c.id, c.email, c.first_name, c.last_name, c.job_title, c.phone, c.lifecycle_stage, c.crm_rep_id,
    c.company_id, c.company_match, c.unlinked_reason,
    coalesce(c.additional_emails, '{}') as additional_emails, c.external_source, c.external_provider_id,
    c.source_updated_at, c.synced_at, c.archived_at
from contacts c
where c.user_id = :user_id
  and (:after::uuid is null or c.id > :after)
  and (:name_pattern::text is null
       or c.first_name_folded like :name_pattern
       or c.last_name_folded like :name_pattern
       or concat_ws(' ', c.first_name_folded, c.last_name_folded) like :name_pattern)
  and (:email_pattern::text is null or c.email_folded like :email_pattern)
  and (:company_id::uuid is null or c.company_id = coalesce(
      (select a.company_id from company_aliases a where a.user_id = :user_id and a.alias_id = :company_id),
      :company_id))
  and (:linked::boolean is null or (c.company_id is not null) = :linked)
  and (:unlinked_reason::text is null or c.unlinked_reason = :unlinked_reason)
  and (:updated_since::timestamptz is null or c.synced_at >= :updated_since)
  and (:include_archived::boolean or c.archived_at is null)
order by c.id
limit :limit
