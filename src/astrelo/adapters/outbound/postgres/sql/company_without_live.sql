-- Which of these companies have archived records only. user_id, company ids
select company.id
from companies as company
where company.user_id = $1 and company.id = any ($2::uuid[]) and exists (
    select from crm_companies as record
    where record.user_id = $1 and record.company_id = company.id
) and not exists (
    select from crm_companies as record
    where record.user_id = $1 and record.company_id = company.id and record.archived_at is null
)
