-- Let deals follow contact records that were merged away.
-- user_id, source, old record ids, the ids that live
with merged (old_id, new_id) as (
    select * from unnest($3::text[], $4::text[])
),
former as (
    delete from deal_contacts as pair
    using merged, deals as deal
    where pair.user_id = $1 and pair.provider_contact_id = merged.old_id
      and deal.user_id = $1 and deal.id = pair.deal_id and deal.external_source = $2
    returning pair.deal_id, merged.new_id
)
insert into deal_contacts (user_id, deal_id, provider_contact_id)
select distinct $1::uuid, former.deal_id, former.new_id
from former
on conflict do nothing
