-- Forget the pins of a field group on a company's records. user_id, company id, field group
delete from company_pins as pin
using crm_companies as record
where pin.user_id = $1 and pin.field_group = $3 and record.user_id = $1
  and record.external_source = pin.external_source
  and record.external_provider_id = pin.external_provider_id and record.company_id = $2
