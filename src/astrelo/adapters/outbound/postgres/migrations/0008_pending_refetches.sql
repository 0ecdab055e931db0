-- Records that webhooks name are pending refetches, and the runs that follow them refetch
-- depends: 0007_golden_records

-- migrate: apply

alter table sync_hints rename to pending_refetches;
alter table pending_refetches rename constraint sync_hints_pkey to pending_refetches_pkey;
alter table pending_refetches rename constraint sync_hints_connection_fkey to pending_refetches_connection_fkey;

update sync_runs set mode = 'refetch' where mode = 'events';
update crm_connections set sync_requested_mode = 'refetch' where sync_requested_mode = 'events';

-- migrate: rollback

update crm_connections set sync_requested_mode = 'events' where sync_requested_mode = 'refetch';
update sync_runs set mode = 'events' where mode = 'refetch';

alter table pending_refetches rename constraint pending_refetches_connection_fkey to sync_hints_connection_fkey;
alter table pending_refetches rename constraint pending_refetches_pkey to sync_hints_pkey;
alter table pending_refetches rename to sync_hints;
