// Which message a redirect to this page asks for: how connecting went. The sentences come from the server.

// Own keys alone: a query may name anything, "constructor" too.
const known = (names, name) => (Object.hasOwn(names, name) ? names[name] : undefined);

export function landingNews(query, labels, sentences) {
  if (query.has("error")) return { text: describeFailure(query, labels, sentences), good: false };
  for (const [provider, label] of Object.entries(labels)) {
    for (const outcome of ["connected", "already_connected"]) {
      if (query.has(`${provider}_${outcome}`)) {
        return { text: sentences.outcomes[outcome].replaceAll("{crm}", label), good: true };
      }
    }
  }
  return null;
}

function describeFailure(query, labels, sentences) {
  const why = known(sentences.failures, query.get("error")) ?? sentences.failures.unknown;
  const crm = known(labels, query.get("provider"));
  return crm ? `${crm} was not connected: ${why[0].toLowerCase()}${why.slice(1)}` : why;
}
