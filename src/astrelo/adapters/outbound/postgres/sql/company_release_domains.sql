-- Take the domain from every company that loses it, before another gets it: a unique index allows
-- no swap within one statement. user_id, company ids, their coming domains
update companies as company
set domain = null
from unnest($2::uuid[], $3::text[]) as coming (id, domain)
where company.user_id = $1 and company.id = coming.id
  and company.domain is not null and company.domain is distinct from coming.domain
