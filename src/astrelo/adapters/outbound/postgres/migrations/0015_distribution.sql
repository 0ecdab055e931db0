-- What kept the tables from being distributed by user_id (Citus): no unique index across users, no key that sets null
-- depends: 0014_sign_in_tickets

-- migrate: apply

-- At most one run at a time reads a CRM account, whoever asked for it. Found without a user, and small: open runs only.
create table account_runs (
    provider text not null,
    account_id text not null,
    run_id uuid not null,
    user_id uuid not null,
    connection_id uuid not null,
    is_running boolean not null,
    constraint account_runs_pkey primary key (provider, account_id, run_id)
);
create unique index account_runs_one_running on account_runs (provider, account_id) where is_running;
create index account_runs_connection on account_runs (connection_id);
comment on table account_runs is 'queued and running runs, found without knowing the user';
insert into account_runs (provider, account_id, run_id, user_id, connection_id, is_running)
select provider, account_id, id, user_id, connection_id, status = 'running'
from sync_runs
where status in ('queued', 'running');
drop index sync_runs_one_running_per_account;
drop index sync_runs_queued_by_account;

-- Contacts and deals are taken off a company before it goes; a key that sets one of its columns null is refused.
alter table contacts drop constraint contacts_company_fkey;
alter table contacts add constraint contacts_company_fkey
    foreign key (user_id, company_id) references companies not valid;
alter table deals drop constraint deals_company_fkey;
alter table deals add constraint deals_company_fkey
    foreign key (user_id, company_id) references companies not valid;
alter table contacts validate constraint contacts_company_fkey;
alter table deals validate constraint deals_company_fkey;

-- migrate: rollback

alter table deals drop constraint deals_company_fkey;
alter table deals add constraint deals_company_fkey
    foreign key (user_id, company_id) references companies on delete set null (company_id);
alter table contacts drop constraint contacts_company_fkey;
alter table contacts add constraint contacts_company_fkey
    foreign key (user_id, company_id) references companies on delete set null (company_id);
create index sync_runs_queued_by_account on sync_runs (provider, account_id) where status = 'queued';
create unique index sync_runs_one_running_per_account on sync_runs (provider, account_id)
    where status = 'running';
drop table account_runs;
