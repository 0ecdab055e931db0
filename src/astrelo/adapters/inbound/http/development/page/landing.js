// What a redirect to this page tells of how connecting went.

const ERRORS = {
  oauth_state_invalid: "This sign-in was not started in this browser, or was used already. Start connecting again.",
  oauth_state_expired: "The sign-in took longer than ten minutes. Start connecting again.",
  oauth_denied: "The permission was not given. Connect again and allow the access.",
  oauth_failed: "The CRM did not complete the sign-in. Try again in a moment.",
  oauth_scope_missing: "Not all permissions were given. Connect again and grant every one that is asked for.",
  oauth_account_mismatch: "That is another account than the connected one. Nothing was changed: choose the connected account.",
  sign_in_link_used: "That sign-in link was used already, or is too old.",
  oauth_not_configured: "That CRM is not set up on this server. Its client credentials are missing.",
};

// Own keys alone: a query may name anything, "constructor" too.
const known = (names, name) => (Object.hasOwn(names, name) ? names[name] : undefined);

export function landingNews(query, labels) {
  if (query.has("error")) return { text: whatWentWrong(query, labels), good: false };
  for (const [provider, label] of Object.entries(labels)) {
    if (query.has(`${provider}_connected`)) return { text: `${label} is connected. Its records are on their way.`, good: true };
    if (query.has(`${provider}_already_connected`)) return { text: `${label} was connected already.`, good: true };
  }
  return null;
}

function whatWentWrong(query, labels) {
  const why = known(ERRORS, query.get("error")) ?? "Connecting did not work. Try again.";
  const crm = known(labels, query.get("provider"));
  return crm ? `${crm} was not connected: ${why[0].toLowerCase()}${why.slice(1)}` : why;
}
