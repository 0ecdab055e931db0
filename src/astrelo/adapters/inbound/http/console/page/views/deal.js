// One deal: its amount and stage, the company it belongs to and why, its contacts.

import { html } from "../vendor/preact.js";
import { useResource } from "../data/resource.js";
import { href } from "../data/router.js";
import { Facts, Section } from "../parts/facts.js";
import { Archived, Sources, Time } from "../parts/marks.js";
import { Loaded, RecordView } from "../parts/record_view.js";
import { day, money, percent } from "../words/format.js";
import { personName } from "../words/names.js";
import { CompanyLink } from "./company_link.js";
import { DealState } from "./deals.js";
import { LinkExplanation } from "./explanation.js";
import { OwnerName } from "./owner.js";

const BACK = { href: href("deals"), label: "Deals" };
const MAX_CONTACTS = 20;

export function Deal({ id, version }) {
  const deal = useResource(`/api/deals/${id}?expand=company`, version);
  const explanation = useResource(`/api/deals/${id}/explain`, version);
  return html`<${RecordView} resource=${deal} back=${BACK} kind="Deal" title=${(value) => value.name ?? "(no name)"}
    subtitle=${(value) => html`<span>${money(value.amount, value.currency) ?? "no amount"}</span>
      <${DealState} deal=${value} /><${Sources} record=${value} /><${Archived} record=${value} />`}
    left=${html`
      <${Section} id="about" title="About">
        <${Loaded} resource=${deal} lines=${6} show=${(value) => html`<${Facts} facts=${facts(value)} />`} /><//>
      <${Section} id="contacts-title" title="Contacts">
        <${Loaded} resource=${deal} lines=${2} show=${(value) => html`<${Contacts} ids=${value.contact_ids} />`} /><//>`}
    right=${html`
      <${Section} id="company" title="Company">
        <${Loaded} resource=${deal} lines=${2} show=${(value) => html`
          <${CompanyLink} record=${value} kind="deals" />`} /><//>
      <${Loaded} resource=${explanation} lines=${3} show=${(value) => html`
        <${LinkExplanation} explanation=${value} kind="deal" />`} />`} />`;
}

const Contacts = ({ ids }) => (ids.length === 0
  ? html`<p class="note">No contacts</p>`
  : html`<ul class="people">
      ${ids.slice(0, MAX_CONTACTS).map((id) => html`<${Person} key=${id} id=${id} />`)}</ul>`);

function Person({ id }) {
  const { value } = useResource(`/api/contacts/${id}`);
  return html`<li><a href=${href(`contacts/${id}`)}>${value ? personName(value) ?? "(no name)" : "…"}</a>
    ${value && html`<span class="second">${value.email ?? "no e-mail address"}</span>`}</li>`;
}

const facts = (deal) => [
  ["Amount", money(deal.amount, deal.currency)],
  ["In US dollars", deal.currency !== "USD" ? money(deal.amount_usd, "USD") : null],
  ["Pipeline", deal.pipeline_label ?? deal.pipeline_id],
  ["Stage", deal.stage_label ?? deal.stage_id],
  ["Probability", deal.probability !== null ? percent(deal.probability) : null],
  ["Close date", day(deal.close_date)],
  ["Owner", deal.crm_rep_id && html`<${OwnerName} id=${deal.crm_rep_id} />`],
  ["CRM id", deal.external_provider_id],
  ["Changed at the CRM", html`<${Time} at=${deal.source_updated_at} />`],
];
