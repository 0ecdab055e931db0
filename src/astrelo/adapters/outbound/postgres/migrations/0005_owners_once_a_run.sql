-- Runs say what became of the owners
-- depends: 0004_deals_name_their_contacts

-- migrate: apply

-- They are read in a run's first slice only, so the other slices must be told how that ended.
alter table sync_runs add column owners_status text not null default 'pending';
alter table sync_runs add column owners_reason text;
update sync_runs set owners_status = 'completed' where status = 'completed';

-- migrate: rollback

alter table sync_runs drop column owners_reason, drop column owners_status;
