// One contact: its values, the company it belongs to and why, its deals.

import { html } from "../vendor/preact.js";
import { useList } from "../data/list.js";
import { useResource } from "../data/resource.js";
import { href } from "../data/router.js";
import { SENTENCES } from "../data/server_data.js";
import { Facts, Section } from "../parts/facts.js";
import { Archived, Badge, OpenInCrm, Sources, Time } from "../parts/marks.js";
import { RecordTable, only } from "../parts/record_table.js";
import { Title } from "../parts/shell.js";
import { Lines, Problem } from "../parts/states.js";
import { personName } from "../words/names.js";
import { nameOf } from "./companies.js";
import { DEAL_COLUMNS } from "./deals.js";
import { LinkExplanation } from "./explanation.js";
import { OwnerName } from "./owner.js";

const BACK = { href: href("contacts"), label: "Contacts" };

export function CompanyLink({ record, kind }) {
  if (!record.company_id) {
    const [name, advice] = SENTENCES.unlinked[kind][record.unlinked_reason] ?? ["", ""];
    return html`<p class="linked"><${Badge}>No company<//> ${name}</p><p class="note">${advice}</p>`;
  }
  return html`<p class="linked"><a href=${href(`companies/${record.company_id}`)}>${record.company ? nameOf(record.company) : "…"}</a></p>
    <p class="note">${SENTENCES.links.matches[record.company_match]}</p>`;
}

export function Contact({ id, version }) {
  const contact = useResource(`/api/contacts/${id}?expand=company`, version);
  const explanation = useResource(`/api/contacts/${id}/explain`, version);
  const deals = useList("/api/deals", { contact: id }, { version, size: 10 });
  const { value, problem } = contact;
  if (problem && !value) return html`<${Title} back=${BACK}>Contact<//><${Problem} problem=${problem} retry=${contact.retry} />`;
  return html`
    <${Title} back=${BACK} aside=${value && html`<${OpenInCrm} record=${value} />`}>${value ? personName(value) ?? "(no name)" : "Contact"}<//>
    <p class="subtitle">${value ? html`<span>${value.job_title ?? "no job title"}</span><${Sources} record=${value} /><${Archived} record=${value} />` : " "}</p>
    <div class="columns">
      <div>
        <${Section} id="about" title="About">${value ? html`<${Facts} facts=${facts(value)} />` : html`<${Lines} lines=${5} />`}<//>
        <${Section} id="deals-title" title="Deals"><${RecordTable} id="deals" label="Deals" columns=${only(DEAL_COLUMNS, "name", "state", "amount")} list=${deals} empty=${{ title: "No deals" }} /><//>
      </div>
      <div>
        <${Section} id="company" title="Company">${value ? html`<${CompanyLink} record=${value} kind="contacts" />` : html`<${Lines} lines=${2} />`}<//>
        ${explanation.value ? html`<${LinkExplanation} explanation=${explanation.value} kind="contact" />`
        : explanation.problem && html`<${Problem} problem=${explanation.problem} retry=${explanation.retry} />`}
      </div>
    </div>`;
}

const facts = (contact) => [
  ["E-mail", contact.email && html`<a href=${`mailto:${contact.email}`}>${contact.email}</a>`],
  ["Further addresses", contact.additional_emails.join(", ")],
  ["Phone", contact.phone],
  ["Lifecycle stage", contact.lifecycle_stage],
  ["Owner", contact.crm_rep_id && html`<${OwnerName} id=${contact.crm_rep_id} />`],
  ["CRM id", contact.external_provider_id],
  ["Changed at the CRM", html`<${Time} at=${contact.source_updated_at} />`],
];
