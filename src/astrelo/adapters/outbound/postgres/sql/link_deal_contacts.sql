-- Find the contacts of deals that arrived before their contacts, and let go of those that went. user_id
update deal_contacts as pair
set contact_id = decided.contact_id
from (
    select told.deal_id, told.provider_contact_id, contact.id as contact_id
    from deal_contacts as told
    join deals as deal on deal.user_id = $1 and deal.id = told.deal_id
    left join contacts as contact
        on contact.user_id = $1 and contact.external_source = deal.external_source
        and contact.external_provider_id = told.provider_contact_id and contact.archived_at is null
    where told.user_id = $1
) as decided
where pair.user_id = $1 and pair.deal_id = decided.deal_id
  and pair.provider_contact_id = decided.provider_contact_id
  and pair.contact_id is distinct from decided.contact_id
