-- name: archive_contacts
-- Archive contacts that are live.
with gone as (
    update contacts
    set archived_at = :at, revision = :revision
    where user_id = :user_id and external_source = :source
      and external_provider_id = any (:record_ids::text[]) and archived_at is null
    returning id
),
<<upserted contacts: gone>>
select count(*) from gone

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
    ), contact_ids = array(
        select id from unnest(contact_ids) as arrived (id)
        where id <> all (array(
            select contact.id
            from contacts as contact
            where contact.user_id = :user_id and contact.external_source = :source
              and contact.external_provider_id = any (:record_ids::text[])
        ))
        order by id
    ), content_hash = '', revision = :revision
    where user_id = :user_id and external_source = :source and provider_contact_ids && :record_ids::text[]
    returning id
),
erased as (
    delete from contacts
    where user_id = :user_id and external_source = :source
      and external_provider_id = any (:record_ids::text[])
    returning id
),
<<upserted deals: deals_without>>,
<<deleted contacts as erased: erased>>
select count(*) from erased

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
with purged as (
    delete from contacts where user_id = :user_id and external_source = :source returning id
),
<<deleted contacts as purged: purged>>
select count(*) from purged

-- name: upsert_contacts
-- Insert or update contacts; an older copy never overwrites. Each parameter but the user, the source and
-- the revision is a column of the batch (see session/columns.py).
with written as (
    insert into contacts as stored (
        user_id, external_source, revision, crm_rep_id,
        <<contact_columns: {name}>>
    )
    select :user_id, :source, :revision, rep.id,
        <<contact_columns: {value}>>
    from unnest(
        <<contact_columns: {array}>>
    ) as incoming (
        <<contact_columns: {name}>>
    )
    left join crm_owners as rep
        on rep.user_id = :user_id and rep.external_source = :source
        and rep.external_provider_id = incoming.owner_provider_id
    on conflict (user_id, external_source, external_provider_id) do update
    set archived_at = null, revision = excluded.revision, crm_rep_id = excluded.crm_rep_id,
        <<contact_updated: {name} = excluded.{name}>>
    where stored.source_updated_at <= excluded.source_updated_at
    returning id, external_provider_id, xmax = 0 as was_insert
),
<<upserted contacts: written>>
select external_provider_id as record_id, was_insert from written

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

-- name: read_contacts_by_id
-- Contacts, archived or not.
select entity.revision, entity.crm_rep_id, entity.external_source, revision.committed_at as synced_at, entity.archived_at,
    <<contact_shown: {shown}>>
from contacts entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = :user_id and entity.id = any (:ids::uuid[])

-- name: read_contacts
-- A page of a user's contacts, in order of id. Null narrows nothing; both patterns are folded and LIKE-
-- escaped, with % at their end. A merged company's id finds the contacts of the one that it was merged
-- into.
select entity.crm_rep_id, entity.external_source, revision.committed_at as synced_at, entity.archived_at,
    <<contact_shown: {shown}>>
from contacts entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = :user_id
  and (:after::uuid is null or entity.id > :after)
  and (:name_pattern::text is null
       or entity.first_name_folded like :name_pattern
       or entity.last_name_folded like :name_pattern
       or concat_ws(' ', entity.first_name_folded, entity.last_name_folded) like :name_pattern)
  and (:email_pattern::text is null or entity.email_folded like :email_pattern)
  and (:company_id::uuid is null or entity.company_id = coalesce(
      (select a.company_id from company_aliases a where a.user_id = :user_id and a.alias_id = :company_id),
      :company_id))
  and (:linked::boolean is null or (entity.company_id is not null) = :linked)
  and (:unlinked_reason::text is null or entity.unlinked_reason = :unlinked_reason)
  and (:updated_since::timestamptz is null or revision.committed_at >= :updated_since)
  and (:include_archived::boolean or entity.archived_at is null)
order by entity.id
limit :limit
