-- When each connection is to be looked at for the schedule
-- depends: 0015_distribution

-- migrate: apply

create table sync_schedule (
    connection_id uuid not null,
    user_id uuid not null,
    provider text not null,
    due_at timestamptz not null,
    constraint sync_schedule_pkey primary key (connection_id)
);
create index sync_schedule_due on sync_schedule (due_at);
comment on table sync_schedule is 'found without knowing the user';
comment on column sync_schedule.due_at is 'no run is due before; at this time somebody looks whether one is';
insert into sync_schedule (connection_id, user_id, provider, due_at)
select id, user_id, provider, now()
from crm_connections
where status = 'active';

-- migrate: rollback

drop table sync_schedule;
