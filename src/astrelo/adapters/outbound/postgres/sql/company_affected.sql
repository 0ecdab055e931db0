-- The companies that moves come from, and those with the domains they now have.
-- user_id, source, separator, joined ids of the moved records, company ids, joined domains
select company.id, company.created_at, company.domain,
       exists (
           select
           from crm_companies as record
           where record.user_id = $1 and record.company_id = company.id and record.archived_at is null
             and (record.external_source <> $2 or record.external_provider_id <> all (string_to_array($4, $3)))
       ) as has_other_records
from companies as company
where company.user_id = $1 and company.id in (
    select id from unnest($5::uuid[]) as origin (id)
    union
    select id from companies where user_id = $1 and domain = any (string_to_array($6, $3))
)
