-- Webhook endpoints of users, and the outbox of deliveries to them
-- depends: 0010_reads

-- migrate: apply

create table webhook_endpoints (
    user_id                   uuid        not null,
    id                        uuid        not null,
    url                       text        not null,
    topics                    text[]      not null,
    secret                    bytea       not null,
    former_secret             bytea,
    former_secret_expires_at  timestamptz,
    created_at                timestamptz not null,
    disabled_reason           text,
    last_success_at           timestamptz,
    constraint webhook_endpoints_pkey primary key (user_id, id)
);

create table webhook_deliveries (
    user_id           uuid        not null,
    id                uuid        not null,
    endpoint_id       uuid        not null,
    topic             text        not null,
    payload           text        not null,
    created_at        timestamptz not null,
    status            text        not null,
    attempts          integer     not null,
    recent_attempts   integer     not null,
    first_attempt_at  timestamptz,
    last_attempt_at   timestamptz,
    next_attempt_at   timestamptz,
    error             text,
    response_status   integer,
    response_excerpt  text,
    constraint webhook_deliveries_pkey primary key (user_id, id),
    constraint webhook_deliveries_endpoint_fkey foreign key (user_id, endpoint_id)
        references webhook_endpoints on delete cascade
);
create index webhook_deliveries_endpoint on webhook_deliveries (user_id, endpoint_id, id);

create index webhook_deliveries_pending on webhook_deliveries (user_id, endpoint_id, topic)
    where status = 'pending';

-- Of some topics, one that waits says as much as many.
create unique index webhook_deliveries_one_pending on webhook_deliveries (user_id, endpoint_id, topic)
    where status = 'pending' and topic in ('changes.available', 'webhook_endpoint.test');

-- For the sweep of all users: few are open at a time.
create index webhook_deliveries_open on webhook_deliveries (next_attempt_at)
    where status in ('pending', 'sending');
create index webhook_deliveries_created_at on webhook_deliveries (created_at);

-- migrate: rollback

drop table webhook_deliveries;
drop table webhook_endpoints;
