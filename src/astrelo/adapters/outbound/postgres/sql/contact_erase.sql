-- Delete contacts for good, and from the deals that name them. user_id, source, record ids
with pairs as (
    delete from deal_contacts as pair
    using deals as deal
    where pair.user_id = $1 and pair.provider_contact_id = any ($3::text[])
      and deal.user_id = $1 and deal.id = pair.deal_id and deal.external_source = $2
)
delete from contacts
where user_id = $1 and external_source = $2 and external_provider_id = any ($3::text[])
