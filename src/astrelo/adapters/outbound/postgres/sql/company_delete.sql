-- Delete companies to which nothing points any more. user_id, company ids
delete from companies where user_id = $1 and id = any ($2::uuid[])
