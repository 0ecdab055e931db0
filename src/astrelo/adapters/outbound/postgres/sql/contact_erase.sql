-- Delete contacts for good, and from the deals that name them; those no longer hold what their hash says, so that the
-- next word of them is no repetition. user_id, source, record ids
with deals_without as (
    update deals
    set provider_contact_ids = array(
        select id from unnest(provider_contact_ids) as named (id)
        where id <> all ($3::text[])
        order by id collate "C"
    ), content_hash = ''
    where user_id = $1 and external_source = $2 and provider_contact_ids && $3::text[]
)
delete from contacts
where user_id = $1 and external_source = $2 and external_provider_id = any ($3::text[])
