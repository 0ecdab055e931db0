// The company that a contact or deal belongs to, or why it belongs to none.

import { html } from "../vendor/preact.js";
import { href } from "../data/router.js";
import { SENTENCES } from "../data/server_data.js";
import { Badge } from "../parts/marks.js";
import { TwoLines } from "../parts/record_table.js";
import { nameOf } from "./companies.js";

const CompanyName = ({ record: { company_id: id, company } }) => html`
  <a href=${href(`companies/${id}`)}>${company ? nameOf(company) : "…"}</a>`;

// `kind` is which records the reasons are of: contacts or deals.
export function CompanyLink({ record, kind }) {
  if (record.company_id) {
    return html`<p class="linked"><${CompanyName} record=${record} /></p>
      <p class="note">${SENTENCES.links.matches[record.company_match]}</p>`;
  }
  const [name, advice] = SENTENCES.unlinked[kind][record.unlinked_reason] ?? ["", ""];
  return html`<p class="linked"><${Badge}>No company<//> ${name}</p><p class="note">${advice}</p>`;
}

// The same in a cell of a list.
export function CompanyCell({ record, kind }) {
  if (record.company_id) {
    const how = SENTENCES.links.short_matches[record.company_match];
    return html`<${TwoLines} first=${html`<${CompanyName} record=${record} />`} second=${how} />`;
  }
  const why = SENTENCES.unlinked[kind][record.unlinked_reason]?.[0];
  return html`<${TwoLines} first=${html`<${Badge}>No company<//>`} second=${why} />`;
}
