-- name: append_to_feed
-- Give what a transaction changed the next position of the user's feed, if it changed any record. The user's
-- other writers wait here until it has ended, so that positions are taken in the order of the commits.
with entry as (
    select from feed_entries where user_id = :user_id and revision = :revision limit 1
),
head as (
    insert into feed_heads as head (user_id, position)
    select :user_id, 1 from entry
    on conflict (user_id) do update set position = head.position + 1
    returning position
)
insert into feed_revisions (user_id, position, revision, committed_at)
select :user_id, position, :revision, clock_timestamp() from head

-- name: merge_feed_entries
-- Leave each record in the first of a revision's entries that name it as written; the others would show it again.
with named as (
    select entry.ordinal, record.id, record.place,
        row_number() over (
            partition by entry.record_type, record.id order by entry.ordinal, record.place
        ) as occurrence
    from feed_entries as entry
    cross join unnest(entry.ids) with ordinality as record (id, place)
    where entry.user_id = :user_id and entry.revision = :revision and entry.deletion is null
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
    where entry.user_id = :user_id and entry.revision = :revision and entry.ordinal = kept.ordinal
      and kept.ids is null
)
update feed_entries as entry
set ids = kept.ids, size = cardinality(kept.ids)
from kept
where entry.user_id = :user_id and entry.revision = :revision and entry.ordinal = kept.ordinal
  and kept.ids is not null

-- name: read_feed_head
-- Where a user's feed ends, and through where it was pruned; no row before the first change.
select head.position, revision.revision, head.pruned_through
from feed_heads as head
left join feed_revisions as revision
    on revision.user_id = :user_id and revision.position = head.position
where head.user_id = :user_id

-- name: read_feed_revision
-- The revision at a position.
select revision from feed_revisions where user_id = :user_id and position = :position

-- name: read_feed_entries
-- Entries of these record types from a place on, in the order of the feed: up to as many as hold so many
-- records, the last of them whole.
select position, revision, committed_at, now() - committed_at as age, ordinal, record_type, ids, deletion,
    merged_into
from (
    select revision.position, revision.revision, revision.committed_at, entry.ordinal, entry.record_type,
        entry.ids, entry.deletion, entry.merged_into,
        sum(entry.size) over (
            order by revision.position, entry.ordinal rows unbounded preceding
        ) - entry.size as records_before
    from feed_revisions as revision
    join feed_entries as entry on entry.user_id = :user_id and entry.revision = revision.revision
    where revision.user_id = :user_id and revision.position >= :position and revision.position <= :through
      and (revision.position > :position or entry.ordinal >= :ordinal)
      and entry.record_type = any (:record_types::text[])
    order by revision.position, entry.ordinal
    limit :limit
) as entry
where records_before < :limit
order by position, ordinal

-- name: prune_feed_entries
-- Delete what the feeds of some users have kept for longer than they should, and remember through where. A
-- consumer that is further behind begins anew.
with due as (
    select head.user_id, latest.position
    from feed_heads as head
    cross join lateral (
        select revision.position
        from feed_revisions as revision
        where revision.user_id = head.user_id and revision.committed_at < now() - :retention::interval
        order by revision.committed_at desc
        limit 1
    ) as latest
    where latest.position > head.pruned_through
    limit :limit
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

-- name: list_companies_in_snapshot
-- A page of the ids and revisions of a user's companies, in order, that have not changed since a position, but for those that were merged into another.
select entity.id, entity.revision
from companies as entity
join feed_revisions as revision
    on revision.user_id = :user_id and revision.revision = entity.revision and revision.position <= :through
where entity.user_id = :user_id and entity.id > :after
  and not exists (select from company_aliases a where a.user_id = :user_id and a.alias_id = entity.id)
order by entity.id
limit :limit

-- name: list_contacts_in_snapshot
-- A page of the ids and revisions of a user's contacts, in order, that have not changed since a position.
select entity.id, entity.revision
from contacts as entity
join feed_revisions as revision
    on revision.user_id = :user_id and revision.revision = entity.revision and revision.position <= :through
where entity.user_id = :user_id and entity.id > :after
order by entity.id
limit :limit

-- name: list_deals_in_snapshot
-- A page of the ids and revisions of a user's deals, in order, that have not changed since a position.
select entity.id, entity.revision
from deals as entity
join feed_revisions as revision
    on revision.user_id = :user_id and revision.revision = entity.revision and revision.position <= :through
where entity.user_id = :user_id and entity.id > :after
order by entity.id
limit :limit

-- name: list_owners_in_snapshot
-- A page of the ids and revisions of a user's owners, in order, that have not changed since a position.
select entity.id, entity.revision
from crm_owners as entity
join feed_revisions as revision
    on revision.user_id = :user_id and revision.revision = entity.revision and revision.position <= :through
where entity.user_id = :user_id and entity.id > :after
order by entity.id
limit :limit

-- name: is_feed_complete_since
-- Whether all entries that were committed since a time are still there.
select not exists (
    select
    from feed_heads as head
    join feed_revisions as revision
        on revision.user_id = :user_id and revision.position = head.pruned_through
    where head.user_id = :user_id and revision.committed_at >= :since
)

-- name: list_ids_written_since
-- The ids of records of a type that were written since a time, some of them several times.
select unnest(entry.ids) as id
from feed_revisions as revision
join feed_entries as entry on entry.user_id = :user_id and entry.revision = revision.revision
where revision.user_id = :user_id and revision.committed_at >= :since
  and entry.record_type = :record_type and entry.deletion is null
limit :limit

-- name: count_written_since
-- How many records of a type were written since a time, some of them counted several times.
select coalesce(sum(entry.size), 0)
from feed_revisions as revision
join feed_entries as entry on entry.user_id = :user_id and entry.revision = revision.revision
where revision.user_id = :user_id and revision.committed_at >= :since
  and entry.record_type = :record_type and entry.deletion is null

-- name: list_next_written_since
-- The ids of records of a type that were written since a time, in order, behind one of them.
select distinct written.id
from feed_revisions as revision
join feed_entries as entry on entry.user_id = :user_id and entry.revision = revision.revision
cross join unnest(entry.ids) as written (id)
where revision.user_id = :user_id and revision.committed_at >= :since
  and entry.record_type = :record_type and entry.deletion is null
  and written.id > :behind
order by written.id
limit :limit
