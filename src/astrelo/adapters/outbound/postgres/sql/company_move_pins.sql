-- Let pins follow company records that were merged away; of two that meet the latest stands.
-- user_id, source, old record ids, the ids that live
with merged (old_id, new_id) as (
    select * from unnest($3::text[], $4::text[])
),
moved as (
    delete from company_pins as pin using merged
    where pin.user_id = $1 and pin.external_source = $2 and pin.external_provider_id = merged.old_id
    returning merged.new_id, pin.field_group, pin.pinned_at
)
insert into company_pins as pin (user_id, external_source, external_provider_id, field_group, pinned_at)
select $1, $2, new_id, field_group, max(pinned_at)
from moved
where exists (
    select from crm_companies as record
    where record.user_id = $1 and record.external_source = $2 and record.external_provider_id = moved.new_id
)
group by new_id, field_group
on conflict (user_id, external_source, external_provider_id, field_group) do update
set pinned_at = greatest(pin.pinned_at, excluded.pinned_at)
