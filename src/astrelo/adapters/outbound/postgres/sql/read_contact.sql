-- One contact, archived or not.
-- Parameters: 1 user_id, 2 id.
select c.id, c.email, c.first_name, c.last_name, c.job_title, c.phone, c.lifecycle_stage, c.crm_rep_id,
    c.company_id, c.company_match, c.unlinked_reason,
    coalesce(c.additional_emails, '{}') as additional_emails, c.external_source, c.external_provider_id,
    c.source_updated_at, c.synced_at, c.archived_at
from contacts c
where c.user_id = $1 and c.id = $2
