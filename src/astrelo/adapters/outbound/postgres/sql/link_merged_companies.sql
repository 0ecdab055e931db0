-- Let contacts and deals follow company records that were merged away.
-- user_id, source, old record ids, the ids that live
with merged (old_id, new_id) as (
    select * from unnest($3::text[], $4::text[])
),
people as (
    update contacts as contact set provider_company_id = merged.new_id
    from merged
    where contact.user_id = $1 and contact.external_source = $2
      and contact.provider_company_id = merged.old_id
)
update deals as deal set provider_company_id = merged.new_id
from merged
where deal.user_id = $1 and deal.external_source = $2 and deal.provider_company_id = merged.old_id
