// The list of contacts, with the company of each or why it has none.

import { html } from "../vendor/preact.js";
import { useList } from "../data/list.js";
import { href, replacePath } from "../data/router.js";
import { SENTENCES, text } from "../data/server_data.js";
import { Filters } from "../parts/filters.js";
import { Archived, Badge, Sources, Time } from "../parts/marks.js";
import { ListState, RecordTable, TwoLines } from "../parts/record_table.js";
import { Title } from "../parts/shell.js";
import { personName } from "../words/names.js";
import { nameOf, sourceChoice } from "./companies.js";

const SORTS = [["First seen", {}], ["Last name", { sort: "name" }], ["Last changed", { sort: "freshness" }]];

const LINKS = {
  label: "Company",
  options: [
    ["With or without", {}],
    ["Has a company", { linked: "true" }],
    ["Has none", { linked: "false" }],
    ...Object.entries(SENTENCES.unlinked.contacts).map(([reason, [name]]) => [`None: ${name}`, { unlinked_reason: reason }]),
  ],
};
const ARCHIVED = { label: "Gone at the CRM", options: [["Left out", {}], ["Included", { include_archived: "true" }]] };

const CHIPS = [
  { name: "company_id", label: () => "Of one company" },
  { name: "rep", label: () => "Of one owner" },
  { name: "external_id", label: (id) => `CRM id ${id}` },
];

// Which parameter a text is for: an @ is in addresses alone.
export const searchFor = (typed) => (typed?.includes("@") ? { email: typed } : { name: typed || undefined });

const linkWords = (record, kind) => (record.company_match
  ? SENTENCES.links.short_matches[record.company_match]
  : SENTENCES.unlinked[kind][record.unlinked_reason]?.[0]);

export const CompanyCell = ({ record, kind }) => (record.company_id
  ? html`<${TwoLines} first=${html`<a href=${href(`companies/${record.company_id}`)}>${record.company ? nameOf(record.company) : "…"}</a>`} second=${linkWords(record, kind)} />`
  : html`<${TwoLines} first=${html`<${Badge}>No company<//>`} second=${linkWords(record, kind)} />`);

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
  { name: "company", head: "Company", cell: (contact) => html`<${CompanyCell} record=${contact} kind="contacts" />` },
  {
    name: "source",
    head: "CRM",
    room: "s",
    cell: (contact) => html`<${TwoLines} first=${html`<${Sources} record=${contact} /><${Archived} record=${contact} />`}
      second=${html`changed <${Time} at=${contact.source_updated_at} />`} />`,
  },
];

export function Contacts({ query, crms, version }) {
  const { search, ...rest } = query;
  const list = useList("/api/contacts", withoutEmpty({ ...rest, ...searchFor(search), expand: "company" }), { version });
  const set = (changes) => replacePath("contacts", { ...query, ...changes });
  const filtered = Object.keys(query).some((name) => name !== "sort");
  return html`<${Title}>Contacts<//>
    <${Filters} search=${{ name: "search", label: "Name or e-mail begins with …" }} query=${query} set=${set}
      choices=${[LINKS, sourceChoice(crms), { label: "Sort", options: SORTS }]} more=${[ARCHIVED]} chips=${CHIPS} />
    <${ListState} list=${list} one="contact" many="contacts" />
    <${RecordTable} id="contacts" label="Contacts" columns=${CONTACT_COLUMNS} list=${list}
      empty=${{ title: filtered ? "No contact fits" : "No contacts yet", text: text(filtered ? "none_fits" : "none_yet") }} />`;
}

const withoutEmpty = (query) => Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
