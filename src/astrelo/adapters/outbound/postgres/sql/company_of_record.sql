-- The company of a live record. user_id, source, record id
select company_id
from crm_companies
where user_id = $1 and external_source = $2 and external_provider_id = $3 and archived_at is null
