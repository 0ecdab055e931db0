-- Make deals' contacts exactly what was told, by the CRM's ids; contacts that have not arrived are kept
-- without an id of ours. user_id, source, deal ids, then per pair: deal id, contact record id
with told (deal_id, provider_contact_id) as (
    select * from unnest($4::uuid[], $5::text[])
),
gone as (
    delete from deal_contacts as stored
    where stored.user_id = $1 and stored.deal_id = any ($3::uuid[]) and not exists (
        select from told
        where told.deal_id = stored.deal_id and told.provider_contact_id = stored.provider_contact_id
    )
)
insert into deal_contacts (user_id, deal_id, provider_contact_id, contact_id)
select $1, told.deal_id, told.provider_contact_id, contact.id
from told
left join contacts as contact
    on contact.user_id = $1 and contact.external_source = $2
    and contact.external_provider_id = told.provider_contact_id
on conflict do nothing
