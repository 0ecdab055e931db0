-- Incremental syncs: watermarks, hints from webhooks, one running run per CRM account
-- depends: 0001_initial

-- migrate: apply

-- Where the next incremental run begins; complete_as_of lies a settle delay before it.
alter table connection_freshness add column watermark timestamptz;
update connection_freshness set watermark = complete_as_of;
alter table connection_freshness alter column watermark set not null;

-- Of which mode a sync was asked for while one was under way that does not do.
alter table crm_connections add column sync_requested_mode text;

-- The account is found without a tenant: webhooks name it, and one run at a time may read it.
create index crm_connections_by_account on crm_connections (provider, account_id);

alter table sync_runs add column account_id text;
update sync_runs as run
set account_id = connection.account_id
from crm_connections as connection
where connection.user_id = run.user_id and connection.id = run.connection_id;
alter table sync_runs alter column account_id set not null;
create unique index sync_runs_one_running_per_account on sync_runs (provider, account_id)
    where status = 'running';
create index sync_runs_queued_by_account on sync_runs (provider, account_id) where status = 'queued';

-- The schedule asks often, and of every connection, when its last run of a mode was asked for.
create index sync_runs_by_mode on sync_runs (user_id, connection_id, mode, requested_at desc);

alter table sync_steps add column archived bigint not null default 0;
alter table sync_steps add column merged bigint not null default 0;

-- Records that a webhook says have changed, to be read again. The latest word counts.
create table sync_hints (
    user_id        uuid        not null,
    connection_id  uuid        not null,
    object_type    text        not null,
    record_id      text        not null,
    received_at    timestamptz not null,
    constraint sync_hints_pkey primary key (user_id, connection_id, object_type, record_id),
    constraint sync_hints_connection_fkey foreign key (user_id, connection_id)
        references crm_connections on delete cascade
);

-- migrate: rollback

drop table sync_hints;
alter table sync_steps drop column archived, drop column merged;
drop index sync_runs_by_mode;
drop index sync_runs_queued_by_account;
drop index sync_runs_one_running_per_account;
alter table sync_runs drop column account_id;
drop index crm_connections_by_account;
alter table crm_connections drop column sync_requested_mode;
alter table connection_freshness drop column watermark;
