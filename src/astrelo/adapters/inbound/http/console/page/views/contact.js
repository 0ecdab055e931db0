// One contact: its values, the company it belongs to and why, its deals.

import { html } from "../vendor/preact.js";
import { useList } from "../data/list.js";
import { useResource } from "../data/resource.js";
import { href } from "../data/router.js";
import { Facts, Section } from "../parts/facts.js";
import { Archived, Sources, Time } from "../parts/marks.js";
import { RecordTable, only } from "../parts/record_table.js";
import { Loaded, RecordView } from "../parts/record_view.js";
import { mailTo } from "../words/format.js";
import { personName } from "../words/names.js";
import { CompanyLink } from "./company_link.js";
import { DEAL_COLUMNS } from "./deals.js";
import { LinkExplanation } from "./explanation.js";
import { OwnerName } from "./owner.js";

const BACK = { href: href("contacts"), label: "Contacts" };

export function Contact({ id, version }) {
  const contact = useResource(`/api/contacts/${id}?expand=company`, version);
  const explanation = useResource(`/api/contacts/${id}/explain`, version);
  return html`<${RecordView} resource=${contact} back=${BACK} kind="Contact"
    title=${(value) => personName(value) ?? "(no name)"}
    subtitle=${(value) => html`<span>${value.job_title ?? "no job title"}</span>
      <${Sources} record=${value} /><${Archived} record=${value} />`}
    left=${html`
      <${Section} id="about" title="About">
        <${Loaded} resource=${contact} lines=${5} show=${(value) => html`<${Facts} facts=${facts(value)} />`} /><//>
      <${Deals} contact=${id} version=${version} />`}
    right=${html`
      <${Section} id="company" title="Company">
        <${Loaded} resource=${contact} lines=${2} show=${(value) => html`
          <${CompanyLink} record=${value} kind="contacts" />`} /><//>
      <${Loaded} resource=${explanation} lines=${3} show=${(value) => html`
        <${LinkExplanation} explanation=${value} kind="contact" />`} />`} />`;
}

function Deals({ contact, version }) {
  const list = useList("/api/deals", { contact }, { version, size: 10 });
  return html`<${Section} id="deals-title" title="Deals">
    <${RecordTable} id="deals" label="Deals" columns=${only(DEAL_COLUMNS, "name", "state", "amount")} list=${list}
      empty=${{ title: "No deals" }} /><//>`;
}

const facts = (contact) => [
  ["E-mail", contact.email && html`<a href=${mailTo(contact.email)}>${contact.email}</a>`],
  ["Further addresses", contact.additional_emails.join(", ")],
  ["Phone", contact.phone],
  ["Lifecycle stage", contact.lifecycle_stage],
  ["Owner", contact.crm_rep_id && html`<${OwnerName} id=${contact.crm_rep_id} />`],
  ["CRM id", contact.external_provider_id],
  ["Changed at the CRM", html`<${Time} at=${contact.source_updated_at} />`],
];
