-- The live companies with these domains: a firm's own domain (an archived one has none), else the additional
-- domain of records of one company only. user_id, separator, joined domains
-- One look-up a domain (offset 0 keeps it so): of a table without statistics the planner would rather read all of the
-- user's companies, in every batch of a first sync.
select told.domain as told, coalesce(own.id, further.id) as company_id, own.id is null as is_additional
from unnest(string_to_array($3, $2)) as told (domain)
left join lateral (
    select id from companies where user_id = $1 and domain = told.domain offset 0
) as own on true
left join lateral (
    select min(record.company_id::text)::uuid as id
    from company_domains as further
    join crm_companies as record
        on record.user_id = $1 and record.external_source = further.external_source
        and record.external_provider_id = further.external_provider_id and record.archived_at is null
    where own.id is null and further.user_id = $1 and further.domain = told.domain
    having count(distinct record.company_id) = 1
    offset 0
) as further on true
where coalesce(own.id, further.id) is not null
