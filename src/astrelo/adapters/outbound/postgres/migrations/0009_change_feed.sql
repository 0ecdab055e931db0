-- The change feed: every change of a record that the API shows, in the order in which it was committed
-- depends: 0008_pending_refetches

-- migrate: apply

-- Where a user's feed ends. A transaction that changed records takes the next position last of all, and holds this row
-- until it has ended: who reads a position has seen all before it.
create table feed_heads (
    user_id         uuid   not null,
    position        bigint not null,
    pruned_through  bigint not null default 0,
    constraint feed_heads_pkey primary key (user_id)
);

-- A revision is what one transaction changed. Its number is drawn at random: a cursor of another database, or of this
-- one before it was restored, names a position that has another revision.
create table feed_revisions (
    user_id       uuid        not null,
    position      bigint      not null,
    revision      bigint      not null,
    committed_at  timestamptz not null,
    constraint feed_revisions_pkey primary key (user_id, position),
    constraint feed_revisions_revision_key unique (user_id, revision)
);
create index feed_revisions_committed_at on feed_revisions (user_id, committed_at);

-- Up to 1,000 records a row. An entry whose record has another revision by now is passed over: the later one stands.
create table feed_entries (
    user_id      uuid    not null,
    revision     bigint  not null,
    ordinal      bigint  generated always as identity,
    record_type  text    not null,
    size         integer not null check (size > 0),
    ids          uuid[]  not null,
    deletion     text,
    merged_into  uuid[],
    constraint feed_entries_pkey primary key (user_id, revision, ordinal)
);

-- What is there already is one revision, at position 1; who begins reads it from the tables.
alter table companies add column revision bigint not null default 0;
alter table contacts add column revision bigint not null default 0;
alter table deals add column revision bigint not null default 0;
alter table crm_owners add column revision bigint not null default 0;
insert into feed_heads (user_id, position, pruned_through)
select user_id, 1, 1
from (
    select user_id from companies
    union
    select user_id from contacts
    union
    select user_id from deals
    union
    select user_id from crm_owners
) as customer;
insert into feed_revisions (user_id, position, revision, committed_at)
select user_id, position, 0, now() from feed_heads;

-- It was written by each statement's author, and four forgot; the feed knows when a record changed.
alter table companies drop column synced_at;
alter table contacts drop column synced_at;
alter table deals drop column synced_at;

-- The contacts of a deal, decided with the other links: a contact that arrives changes the deals that name it.
alter table deals add column contact_ids uuid[] not null default '{}';
update deals as deal
set contact_ids = arrived.ids
from (
    select sale.user_id, sale.id, array_agg(contact.id order by contact.id) as ids
    from deals as sale
    cross join unnest(sale.provider_contact_ids) as named (id)
    join contacts as contact
        on contact.user_id = sale.user_id and contact.external_source = sale.external_source
        and contact.external_provider_id = named.id and contact.archived_at is null
    group by sale.user_id, sale.id
) as arrived
where deal.user_id = arrived.user_id and deal.id = arrived.id;

-- migrate: rollback

alter table deals drop column contact_ids;
alter table companies add column synced_at timestamptz not null default now();
alter table contacts add column synced_at timestamptz not null default now();
alter table deals add column synced_at timestamptz not null default now();
alter table companies alter column synced_at drop default;
alter table contacts alter column synced_at drop default;
alter table deals alter column synced_at drop default;
alter table crm_owners drop column revision;
alter table deals drop column revision;
alter table contacts drop column revision;
alter table companies drop column revision;
drop table feed_entries, feed_revisions, feed_heads;
