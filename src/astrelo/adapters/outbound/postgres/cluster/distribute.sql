-- Distribute the tables of tenants over the nodes of a Citus cluster, by user and side by side, in an order in which
-- those that others point at come first. Idempotent. What is found without a user stays on the coordinator: the queue,
-- account_runs, sync_schedule, app_uninstalls, oauth_states, sign_in_tickets, and what migrations are applied.
do $$
declare
    due regclass;
    beside text := 'none';
begin
    if to_regclass('pg_catalog.pg_dist_partition') is null then
        raise exception using
            errcode = 'feature_not_supported',
            message = 'the database has no extension citus';
    end if;
    set local citus.multi_shard_modify_mode = 'sequential';
    loop
        select relation.oid::regclass
        into due
        from pg_class as relation
        join pg_index as key on key.indrelid = relation.oid and key.indisprimary
        join pg_attribute as first on first.attrelid = relation.oid and first.attnum = key.indkey[0]
        where relation.relnamespace = 'public'::regnamespace and relation.relkind = 'r'
          and first.attname = 'user_id'
          and relation.oid not in (select logicalrelid from pg_dist_partition)
          and not exists (
              select from pg_constraint as pointer
              where pointer.conrelid = relation.oid and pointer.contype = 'f'
                and pointer.confrelid <> relation.oid
                and pointer.confrelid not in (select logicalrelid from pg_dist_partition)
          )
        order by relation.relname
        limit 1;
        exit when due is null;
        select coalesce(min(logicalrelid::text), 'none')
        into beside
        from pg_dist_partition
        where partkey is not null and logicalrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace);
        perform create_distributed_table(due, 'user_id', colocate_with => beside);
        raise notice 'distributed %', due;
    end loop;
end
$$
