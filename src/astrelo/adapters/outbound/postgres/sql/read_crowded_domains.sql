-- Domains that more than a number of live company records of one CRM share, the fullest first.
-- Parameters: 1 user_id, 2 provider, 3 that number, 4 limit.
select identity_domain as domain, count(*) as records
from crm_companies
where user_id = $1 and external_source = $2 and archived_at is null and identity_domain is not null
group by identity_domain
having count(*) > $3
order by records desc, domain
limit $4
