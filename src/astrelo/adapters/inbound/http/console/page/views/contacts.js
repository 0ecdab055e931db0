// The list of contacts, with the company of each or why it has none.

import { html } from "../vendor/preact.js";
import { useList } from "../data/list.js";
import { href, replacePath } from "../data/router.js";
import { SENTENCES } from "../data/server_data.js";
import { Filters } from "../parts/filters.js";
import { Archived, Sources, Time } from "../parts/marks.js";
import { ARCHIVED_CHOICE, sortChoice, sourceChoice } from "../parts/record_choices.js";
import { ListState, RecordTable, TwoLines, emptyWords } from "../parts/record_table.js";
import { Title } from "../parts/shell.js";
import { personName } from "../words/names.js";
import { CompanyCell } from "./company_link.js";

const SORT = sortChoice(["Last name", "name"], ["Last changed", "freshness"]);

const LINKS = {
  label: "Company",
  options: [
    ["With or without", {}],
    ["Has a company", { linked: "true" }],
    ["Has none", { linked: "false" }],
    ...Object.entries(SENTENCES.unlinked.contacts)
      .map(([reason, [name]]) => [`None: ${name}`, { unlinked_reason: reason }]),
  ],
};

const CHIPS = [
  { name: "company_id", label: () => "Of one company" },
  { name: "rep", label: () => "Of one owner" },
  { name: "external_id", label: (id) => `CRM id ${id}` },
];

// Which parameter a text is for: an @ is in addresses alone.
function searchFor(typed) {
  if (!typed) return {};
  return typed.includes("@") ? { email: typed } : { name: typed };
}

export const CONTACT_COLUMNS = [
  {
    name: "name",
    head: "Contact",
    cell: (contact) => html`<${TwoLines}
      first=${html`<a href=${href(`contacts/${contact.id}`)}>${personName(contact) ?? "(no name)"}</a>`}
      second=${contact.email ?? "no e-mail address"} />`,
  },
  {
    name: "title",
    head: "Job title",
    room: "m",
    cell: (contact) => html`<${TwoLines} first=${contact.job_title} second=${contact.phone} />`,
  },
  {
    name: "company",
    head: "Company",
    cell: (contact) => html`<${CompanyCell} record=${contact} kind="contacts" />`,
  },
  {
    name: "source",
    head: "CRM",
    room: "s",
    cell: (contact) => html`<${TwoLines}
      first=${html`<${Sources} record=${contact} /><${Archived} record=${contact} />`}
      second=${html`changed <${Time} at=${contact.source_updated_at} />`} />`,
  },
];

export function Contacts({ query, crms, version }) {
  const { search, ...rest } = query;
  const list = useList("/api/contacts", { ...rest, ...searchFor(search), expand: "company" }, { version });
  const set = (changes) => replacePath("contacts", { ...query, ...changes });
  return html`<${Title}>Contacts<//>
    <${Filters} search=${{ name: "search", label: "Name or e-mail begins with …" }}
      query=${query} set=${set} choices=${[LINKS, sourceChoice(crms, query), SORT]} more=${[ARCHIVED_CHOICE]} chips=${CHIPS} />
    <${ListState} list=${list} one="contact" many="contacts" />
    <${RecordTable} id="contacts" label="Contacts" columns=${CONTACT_COLUMNS} list=${list}
      empty=${emptyWords(query, "contact", "contacts")} />`;
}
