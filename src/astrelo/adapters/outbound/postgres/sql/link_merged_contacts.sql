-- Let deals follow contact records that were merged away.
-- user_id, source, old record ids, the ids that live
update deals
set provider_contact_ids = array(
    select distinct coalesce(merged.new_id, named.id) collate "C" as id
    from unnest(provider_contact_ids) as named (id)
    left join unnest($3::text[], $4::text[]) as merged (old_id, new_id) on merged.old_id = named.id
    order by id
)
where user_id = $1 and external_source = $2 and provider_contact_ids && $3::text[]
