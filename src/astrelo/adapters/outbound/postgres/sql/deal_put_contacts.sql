-- Make deals' contacts exactly what was told, by the CRM's ids.
-- user_id, deal ids, then per pair: deal id, and (see columns.py) separator and joined contact record ids
with told (deal_id, provider_contact_id) as (
    select * from unnest($3::uuid[], string_to_array($5, $4, ''))
),
gone as (
    delete from deal_contacts as stored
    where stored.user_id = $1 and stored.deal_id = any ($2::uuid[]) and not exists (
        select from told
        where told.deal_id = stored.deal_id and told.provider_contact_id = stored.provider_contact_id
    )
)
insert into deal_contacts (user_id, deal_id, provider_contact_id)
select $1, deal_id, provider_contact_id
from told
on conflict do nothing
