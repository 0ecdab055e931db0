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
select entity.revision, entity.crm_rep_id, entity.external_source, revision.committed_at as synced_at,
    entity.archived_at,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = :user_id) as accounts,
    <<contact_shown: {shown}>>
from contacts entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = :user_id and entity.id = any (:ids::uuid[])

-- name: read_contacts
-- A page of a user's contacts, in order of id or as `sort` says (see read_companies). Null narrows nothing. A name of
-- several words may begin with the whole first name, at each of its blanks: then the last name begins with the rest.
-- A merged company's id finds the contacts of the one that it was merged into.
select entity.crm_rep_id, entity.external_source, revision.committed_at as synced_at, entity.archived_at,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = :user_id) as accounts,
    <<contact_shown: {shown}>>
from contacts entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = :user_id
  and length(entity.external_source) <> 0  -- opens the indexes of lists, which have the same condition
  and (:after::uuid is null or entity.id > :after)
  and (:until::uuid is null or entity.id <= :until)
  and (:ids::uuid[] is null or entity.id = any (:ids))
  and (:name_from::text is null
       or (entity.first_name_folded ~>=~ :name_from
           and (:name_to::text is null or entity.first_name_folded ~<~ :name_to))
       or (entity.last_name_folded ~>=~ :name_from
           and (:name_to::text is null or entity.last_name_folded ~<~ :name_to))
       or (:whole_first_names::text[] is not null and entity.id = any (array(
           select c.id
           from unnest(:whole_first_names, :last_names_from::text[], :last_names_to::text[])
               as whole (first_name, last_from, last_to)
           join contacts c on c.user_id = :user_id and c.first_name_folded = whole.first_name
               and c.last_name_folded ~>=~ whole.last_from and c.last_name_folded ~<~ whole.last_to))))
  and (:email_from::text is null or entity.email_folded ~>=~ :email_from)
  and (:email_to::text is null or entity.email_folded ~<~ :email_to)
  -- A page by facets, in order of id: of the combinations that fit those with the lowest ids, then as much of each as
  -- fills the page. In the order of the index of facets, so that without sorting there is no other plan.
  and (:page_of::text is distinct from 'facets' or entity.id = any (array(
      with lowest as (
          select found.facets_hash, found.id
          from unnest(:facets::bigint[]) as fitting (facets_hash)
          cross join lateral (
              select e.facets_hash, e.id
              from contacts e
              where e.user_id = :user_id and length(e.external_source) <> 0
                and (e.facets_hash, e.id) > (fitting.facets_hash, coalesce(
                    :after, '00000000-0000-0000-0000-000000000000'))
                and e.facets_hash <= fitting.facets_hash
              order by e.facets_hash, e.id
              limit 1) as found
          order by found.id
          limit :limit
      )
      select found.id
      from lowest
      cross join lateral (
          select e.id
          from contacts e
          where e.user_id = :user_id and length(e.external_source) <> 0
            and (e.facets_hash, e.id) >= (lowest.facets_hash, lowest.id) and e.facets_hash <= lowest.facets_hash
          order by e.facets_hash, e.id
          limit :limit) as found
      order by found.id
      limit :limit)))
  and (:page_of::text = 'facets' or :facets::bigint[] is null or entity.facets_hash = any (:facets))
  -- A page of a company's, likewise.
  and (:page_of::text is distinct from 'company' or entity.id = any (array(
      with company as (
          select coalesce(
              (select a.company_id from company_aliases a where a.user_id = :user_id and a.alias_id = :company_id),
              :company_id) as id
      )
      select found.id
      from company
      cross join lateral (
          select e.id
          from contacts e
          where e.user_id = :user_id and e.company_id is not null
            and (e.company_id, e.id) > (company.id, coalesce(:after, '00000000-0000-0000-0000-000000000000'))
            and e.company_id <= company.id
            and (:include_archived::boolean or e.archived_at is null)
          order by e.company_id, e.id
          limit :limit) as found)))
  and (:page_of::text = 'company' or :company_id::uuid is null or entity.company_id = coalesce(
      (select a.company_id from company_aliases a where a.user_id = :user_id and a.alias_id = :company_id),
      :company_id))
  and (:external_id::text is null or (
      entity.external_provider_id = :external_id and entity.external_source = any (:sources::text[])))
  and (:updated_since::timestamptz is null or revision.committed_at >= :updated_since)
  and (:include_archived::boolean or entity.archived_at is null)
  and (:sort::text is distinct from 'name' or entity.last_name_folded is not null)
  and (:keyless::text is distinct from 'name' or entity.last_name_folded is null)
  and (:after_name::text is null or (entity.last_name_folded ~>=~ :after_name
      and (entity.last_name_folded ~>~ :after_name or entity.id > :after_id)))
  and (:after_freshness::timestamptz is null or (entity.source_updated_at <= :after_freshness
      and (entity.source_updated_at < :after_freshness or entity.id > :after_id)))
order by case when :sort = 'name' then entity.last_name_folded end using ~<~,
    case when :sort = 'freshness' then entity.source_updated_at end desc,
    case when :sort is distinct from 'none' then entity.id end
limit :limit

-- name: read_contact_page_end
-- The id of the record 3,000 places behind another, in order of id; none where fewer follow.
select id
from contacts
where user_id = :user_id and (:after::uuid is null or id > :after)
order by id
offset 2999
limit 1

-- name: read_contact_sort_keys
-- What a contact is sorted by.
select last_name_folded as name, source_updated_at as freshness
from contacts
where user_id = :user_id and id = :id

-- name: list_contact_facets
-- The combinations of facets that a user's contacts have and that fit, by their hashes. Null narrows nothing. Takes one
-- look into the index for each combination: behind its entries begins the next.
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
        where e.user_id = :user_id and length(e.external_source) <> 0
          and (e.facets_hash, e.id) > (combination.facets_hash, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        order by e.facets_hash, e.id
        limit 1) as following
)
select facets_hash
from combination
where external_source is not null
  and (:include_archived::boolean or not is_archived)
  and (:linked::boolean is null or is_linked = :linked)
  and (:unlinked_reason::text is null or unlinked_reason = :unlinked_reason)
  and (:rep::uuid is null or crm_rep_id = :rep)
  and (:source::text is null or external_source = :source)
