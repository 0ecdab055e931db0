-- Insert or update contacts; an older copy never overwrites. user_id, source, now, then per contact:
-- id, source_updated_at, content_hash, company_id, then (see columns.py) the separator and, joined:
-- record id, email, email_host, email_registrable_domain, email_kind, first_name, last_name, job_title,
-- phone, lifecycle_stage, owner id, provider company id, company_association, company_match,
-- unlinked_reason, folded email, folded first_name, folded last_name, additional emails and their domains
-- (each contact's as an array's text); then is_person_account
insert into contacts as stored (
    user_id, external_source, synced_at, id, external_provider_id, source_updated_at, content_hash, email,
    email_host, email_registrable_domain, email_kind, first_name, last_name, job_title, phone,
    lifecycle_stage, owner_provider_id, provider_company_id, company_id, company_association, company_match,
    unlinked_reason, email_folded, first_name_folded, last_name_folded, additional_emails,
    additional_email_domains, is_person_account, crm_rep_id
)
select $1, $2, $3, told.id, told.record_id, finite_timestamp(told.source_updated_at), told.content_hash,
    told.email, told.email_host, told.email_registrable_domain, told.email_kind, told.first_name,
    told.last_name, told.job_title, told.phone, told.lifecycle_stage, told.owner_id,
    told.provider_company_id, told.company_id, told.company_association, told.company_match,
    told.unlinked_reason, told.email_folded, told.first_name_folded, told.last_name_folded,
    told.additional_emails::text[], told.additional_email_domains::text[], told.is_person_account, rep.id
from unnest(
    $4::uuid[], string_to_array($9, $8, ''), $5::timestamptz[], $6::bytea[], string_to_array($10, $8, ''),
    string_to_array($11, $8, ''), string_to_array($12, $8, ''), string_to_array($13, $8, ''),
    string_to_array($14, $8, ''), string_to_array($15, $8, ''), string_to_array($16, $8, ''),
    string_to_array($17, $8, ''), string_to_array($18, $8, ''), string_to_array($19, $8, ''),
    string_to_array($20, $8, ''), $7::uuid[], string_to_array($21, $8, ''), string_to_array($22, $8, ''),
    string_to_array($23, $8, ''), string_to_array($24, $8, ''), string_to_array($25, $8, ''),
    string_to_array($26, $8, ''), string_to_array($27, $8, ''), string_to_array($28, $8, ''), $29::boolean[]
) as told (
    id, record_id, source_updated_at, content_hash, email, email_host, email_registrable_domain,
    email_kind, first_name, last_name, job_title, phone, lifecycle_stage, owner_id, provider_company_id,
    company_id, company_association, company_match, unlinked_reason, email_folded, first_name_folded,
    last_name_folded, additional_emails, additional_email_domains, is_person_account
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
    company_id = excluded.company_id, company_association = excluded.company_association,
    company_match = excluded.company_match, unlinked_reason = excluded.unlinked_reason,
    email_folded = excluded.email_folded, first_name_folded = excluded.first_name_folded,
    last_name_folded = excluded.last_name_folded, additional_emails = excluded.additional_emails,
    additional_email_domains = excluded.additional_email_domains,
    is_person_account = excluded.is_person_account, crm_rep_id = excluded.crm_rep_id
where stored.source_updated_at <= excluded.source_updated_at
returning external_provider_id as record_id, xmax = 0 as was_insert
