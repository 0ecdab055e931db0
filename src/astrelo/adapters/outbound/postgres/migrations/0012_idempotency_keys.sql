-- What was answered to requests with an idempotency key
-- depends: 0011_webhook_endpoints

-- migrate: apply

create table idempotency_keys (
    user_id uuid not null,
    key text not null,
    fingerprint bytea not null,
    started_at timestamptz not null,
    status smallint,
    media_type text,
    location text,
    body bytea,
    constraint idempotency_keys_pkey primary key (user_id, key),
    constraint idempotency_keys_answered check ((status is null) = (body is null))
);
create index idempotency_keys_started_at on idempotency_keys (started_at);
comment on column idempotency_keys.status is 'of the response; null while the request runs';

-- migrate: rollback

drop table idempotency_keys;
