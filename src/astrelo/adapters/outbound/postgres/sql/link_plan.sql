-- Rule out nested loops until the transaction ends: after a first sync the tables have no statistics
-- yet, and a loop over a hundred thousand rows takes minutes where a hash join takes a second.
select set_config('enable_nestloop', 'off', true)
