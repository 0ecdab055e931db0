-- How long the history of runs is kept
-- depends: 0016_sync_schedule

-- migrate: apply

alter table sync_runs add column changed_nothing boolean not null default false;
comment on column sync_runs.changed_nothing is 'whether it is complete and found everything as it was';
create index sync_runs_finished on sync_runs (changed_nothing, finished_at) where finished_at is not null;

-- What is left of runs that changed nothing.
create table idle_runs (
    user_id uuid not null,
    connection_id uuid not null,
    mode text not null,
    day date not null,
    runs bigint not null,
    constraint idle_runs_pkey primary key (user_id, connection_id, mode, day),
    constraint idle_runs_connection_fkey foreign key (user_id, connection_id)
        references crm_connections on delete cascade
);

-- migrate: rollback

drop table idle_runs;
drop index sync_runs_finished;
alter table sync_runs drop column changed_nothing;
