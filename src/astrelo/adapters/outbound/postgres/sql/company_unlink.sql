-- Take contacts and deals off companies that are about to go. user_id, company ids
with people as (
    update contacts set company_id = null, company_match = null, unlinked_reason = 'no_company'
    where user_id = $1 and company_id = any ($2::uuid[])
)
update deals set company_id = null, company_match = null, unlinked_reason = 'no_company'
where user_id = $1 and company_id = any ($2::uuid[])
