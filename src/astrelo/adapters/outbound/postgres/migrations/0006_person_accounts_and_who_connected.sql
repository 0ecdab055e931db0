-- Person accounts are no companies, and connections say who made them
-- depends: 0005_owners_once_a_run

-- migrate: apply

-- What an earlier version stored of an org's persons as companies goes with the next full run.
alter table contacts add column is_person_account boolean not null default false;

-- Unknown for connections from before: who connects again tells it.
alter table crm_connections add column connected_by text;
alter table crm_connections add column account_domain text;

-- migrate: rollback

alter table crm_connections drop column account_domain, drop column connected_by;
update contacts set unlinked_reason = 'no_company' where unlinked_reason = 'person_account';
alter table contacts drop column is_person_account;
