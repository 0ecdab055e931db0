-- Pin a field group to a record. user_id, source, record id, field group, now
insert into company_pins as pin (user_id, external_source, external_provider_id, field_group, pinned_at)
values ($1, $2, $3, $4, $5)
on conflict (user_id, external_source, external_provider_id, field_group) do update
set pinned_at = excluded.pinned_at
