-- Person accounts are no companies, connections say who made them, and uninstalls are ordered
-- depends: 0005_owners_once_a_run

-- migrate: apply

-- What an earlier version stored of an org's persons as companies goes with the next full run.
alter table contacts add column is_person_account boolean not null default false;

-- Unknown for connections from before: who connects again tells it.
alter table crm_connections add column connected_by text;
alter table crm_connections add column account_domain text;

-- Uninstalls of our app from whole accounts, which end all grants of theirs: found without a tenant. What was granted
-- before the end of one, and is to be stored behind its beginning, may be dead. Numbers order them; no clock does.
create sequence app_uninstall_numbers;
create table app_uninstalls (
    provider      text        not null,
    account_id    text        not null,
    number        bigint      not null,
    is_under_way  boolean     not null,
    begun_at      timestamptz not null,
    constraint app_uninstalls_pkey primary key (provider, account_id),
    constraint app_uninstalls_number_key unique (number)
);

-- migrate: rollback

drop table app_uninstalls;
drop sequence app_uninstall_numbers;
alter table crm_connections drop column account_domain, drop column connected_by;
update contacts set unlinked_reason = 'no_company' where unlinked_reason = 'person_account';
alter table contacts drop column is_person_account;
