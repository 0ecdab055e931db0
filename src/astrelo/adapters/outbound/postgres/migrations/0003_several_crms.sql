-- CRMs with several login hosts, an API address for each account, and single-use refresh tokens
-- depends: 0002_incremental_syncs

-- migrate: apply

alter table oauth_states add column login_host text;

alter table crm_tokens add column api_url text;
alter table crm_tokens add column issuer_url text;

-- Counted before a refresh is sent: after a crash in between, nobody sends a single-use token twice.
alter table crm_tokens add column refresh_attempts integer not null default 0;

-- migrate: rollback

alter table crm_tokens drop column refresh_attempts, drop column issuer_url, drop column api_url;
alter table oauth_states drop column login_host;
