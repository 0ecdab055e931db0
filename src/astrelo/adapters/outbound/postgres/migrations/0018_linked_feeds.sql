-- Through which change of a user's records the links are decided
-- depends: 0017_run_history

-- migrate: apply

-- Apart from feed_heads, whose rows a transaction takes last of all.
create table linked_feeds (
    user_id uuid not null,
    position bigint not null,
    constraint linked_feeds_pkey primary key (user_id)
);

-- migrate: rollback

drop table linked_feeds;
