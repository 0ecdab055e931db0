-- What a deal's link rests on.
-- Parameters: 1 user_id, 2 id.
select id, external_source, company_id, company_match, unlinked_reason, provider_company_id,
    company_association
from deals
where user_id = $1 and id = $2
