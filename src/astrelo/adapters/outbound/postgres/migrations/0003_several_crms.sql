-- CRMs with several login hosts, an API address for each account, and single-use refresh tokens
-- depends: 0002_incremental_syncs

-- migrate: apply

alter table oauth_states add column login_host text;

alter table crm_tokens add column api_url text;
alter table crm_tokens add column issuer_url text;

-- Counted before a refresh is sent: after a crash in between, nobody sends a single-use token twice.
alter table crm_tokens add column refresh_attempts integer not null default 0;

-- Every owner that goes had its three tables searched for it, and an org has thousands of users. A purge deletes what
-- an owner's CRM told before the owner, so nothing is left to point at it; and each record written cost a look-up.
alter table companies drop constraint companies_rep_fkey;
alter table contacts drop constraint contacts_rep_fkey;
alter table deals drop constraint deals_rep_fkey;

-- migrate: rollback

alter table deals add constraint deals_rep_fkey foreign key (user_id, crm_rep_id)
    references crm_owners on delete set null (crm_rep_id);
alter table contacts add constraint contacts_rep_fkey foreign key (user_id, crm_rep_id)
    references crm_owners on delete set null (crm_rep_id);
alter table companies add constraint companies_rep_fkey foreign key (user_id, crm_rep_id)
    references crm_owners on delete set null (crm_rep_id);

alter table crm_tokens drop column refresh_attempts, drop column issuer_url, drop column api_url;
alter table oauth_states drop column login_host;
