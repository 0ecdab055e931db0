-- The pins on records of a company, archived ones too, the latest first.
-- Parameters: 1 user_id, 2 company id.
select pin.field_group, pin.external_source, pin.external_provider_id, pin.pinned_at
from company_pins as pin
join crm_companies as record
    on record.user_id = $1 and record.external_source = pin.external_source
    and record.external_provider_id = pin.external_provider_id
where pin.user_id = $1 and record.company_id = $2
order by pin.pinned_at desc, pin.external_source, pin.external_provider_id, pin.field_group
