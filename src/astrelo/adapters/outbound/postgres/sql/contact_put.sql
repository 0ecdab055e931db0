-- Insert or update contacts; an older copy never overwrites. user_id, source, now, then per contact:
-- id, record id, source_updated_at, content_hash, email, email_host, email_registrable_domain,
-- email_kind, first_name, last_name, job_title, phone, lifecycle_stage, owner id, provider company id,
-- company_id, company_match, unlinked_reason
insert into contacts as stored (
    user_id, external_source, synced_at, id, external_provider_id, source_updated_at, content_hash, email,
    email_host, email_registrable_domain, email_kind, first_name, last_name, job_title, phone,
    lifecycle_stage, owner_provider_id, provider_company_id, company_id, company_match, unlinked_reason,
    crm_rep_id
)
select $1, $2, $3, told.*, rep.id
from unnest(
    $4::uuid[], $5::text[], $6::timestamptz[], $7::bytea[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
    $18::text[], $19::uuid[], $20::text[], $21::text[]
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
