-- Insert or update contacts; an older copy never overwrites. user_id, source, now, then per contact:
-- id, source_updated_at, content_hash, company_id, then (see columns.py) the separator and, joined:
-- record id, email, email_host, email_registrable_domain, email_kind, first_name, last_name, job_title,
-- phone, lifecycle_stage, owner id, provider company id, company_match, unlinked_reason
insert into contacts as stored (
    user_id, external_source, synced_at, id, external_provider_id, source_updated_at, content_hash, email,
    email_host, email_registrable_domain, email_kind, first_name, last_name, job_title, phone,
    lifecycle_stage, owner_provider_id, provider_company_id, company_id, company_match, unlinked_reason,
    crm_rep_id
)
select $1, $2, $3, told.*, rep.id
from unnest(
    $4::uuid[], string_to_array($9, $8, ''), $5::timestamptz[], $6::bytea[], string_to_array($10, $8, ''),
    string_to_array($11, $8, ''), string_to_array($12, $8, ''), string_to_array($13, $8, ''),
    string_to_array($14, $8, ''), string_to_array($15, $8, ''), string_to_array($16, $8, ''),
    string_to_array($17, $8, ''), string_to_array($18, $8, ''), string_to_array($19, $8, ''),
    string_to_array($20, $8, ''), $7::uuid[], string_to_array($21, $8, ''), string_to_array($22, $8, '')
) as told (
    id, record_id, source_updated_at, content_hash, email, email_host, email_registrable_domain,
    email_kind, first_name, last_name, job_title, phone, lifecycle_stage, owner_id, provider_company_id,
    company_id, company_match, unlinked_reason
)
left join crm_owners as rep
    on rep.user_id = $1 and rep.external_source = $2 and rep.external_provider_id = told.owner_id
on conflict (user_id, external_source, external_provider_id) do update
set source_updated_at = excluded.source_updated_at, content_hash = excluded.content_hash,
    synced_at = excluded.synced_at, archived_at = null, email = excluded.email,
    email_host = excluded.email_host, email_registrable_domain = excluded.email_registrable_domain,
    email_kind = excluded.email_kind, first_name = excluded.first_name, last_name = excluded.last_name,
    job_title = excluded.job_title, phone = excluded.phone, lifecycle_stage = excluded.lifecycle_stage,
    owner_provider_id = excluded.owner_provider_id, provider_company_id = excluded.provider_company_id,
    company_id = excluded.company_id, company_match = excluded.company_match,
    unlinked_reason = excluded.unlinked_reason, crm_rep_id = excluded.crm_rep_id
where stored.source_updated_at <= excluded.source_updated_at
returning external_provider_id as record_id, xmax = 0 as was_insert
