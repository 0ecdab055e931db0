// One company: its values, why it shows them, whether it fits, its records, contacts and deals.

import { html, useEffect } from "../vendor/preact.js";
import { useList } from "../data/list.js";
import { useResource } from "../data/resource.js";
import { href, replacePath } from "../data/router.js";
import { Facts, Section } from "../parts/facts.js";
import { Archived, Badge, Sources, Time } from "../parts/marks.js";
import { ListState, RecordTable, only } from "../parts/record_table.js";
import { Loaded, RecordView } from "../parts/record_view.js";
import { count, money, withoutScheme } from "../words/format.js";
import { industryName, placeNames, useRegions } from "../words/names.js";
import { nameOf, rangeName } from "./companies.js";
import { CONTACT_COLUMNS } from "./contacts.js";
import { DEAL_COLUMNS } from "./deals.js";
import { CompanyExplanation, IcpFit } from "./explanation.js";
import { OwnerName } from "./owner.js";

const BACK = { href: href("companies"), label: "Companies" };

export function Company({ id, version }) {
  useRegions();
  const company = useResource(`/api/companies/${id}`, version);
  const explanation = useResource(`/api/companies/${id}/explain?limit=25`, version);
  const related = { company: id, version };
  // A merged company's address leads to the one that it became.
  useEffect(() => {
    if (company.value && company.value.id !== id) replacePath(`companies/${company.value.id}`);
  }, [company.value?.id]);
  return html`<${RecordView} resource=${company} back=${BACK} kind="Company" title=${nameOf}
    subtitle=${(value) => html`<${Subtitle} company=${value} icp=${explanation.value?.icp} />`}
    left=${html`
      <${Section} id="about" title="About">
        <${Loaded} resource=${company} lines=${8} show=${(value) => html`<${About} company=${value} />`} /><//>
      <${Related} ...${related} kind="contacts" one="contact" columns=${only(CONTACT_COLUMNS, "name", "title")} />
      <${Related} ...${related} kind="deals" one="deal" columns=${only(DEAL_COLUMNS, "name", "state", "amount")} />`}
    right=${html`<${Loaded} resource=${explanation} lines=${8} show=${(value) => html`
      <${IcpFit} icp=${value.icp} /><${CompanyExplanation} explanation=${value} />`} />`} />`;
}

const Subtitle = ({ company, icp }) => html`
  ${company.domain ? html`<${Site} domain=${company.domain} />` : "no domain"}
  <${Sources} record=${company} /><${Archived} record=${company} />${icp && html`<${Fit} icp=${icp} />`}`;

const Site = ({ domain }) => html`
  <a href=${`https://${domain}`} target="_blank" rel="noreferrer">${domain}</a>`;

const Fit = ({ icp: { fits, criteria } }) => criteria.some(({ outcome }) => outcome !== "any") && html`
  <${Badge} mood=${fits ? "good" : ""}>${fits ? "Fits your ideal customer" : "Not your ideal customer"}<//>`;

const About = ({ company }) => html`
  ${company.description && html`<p class="description">${company.description}</p>`}
  <${Facts} facts=${[
    ["Industry", company.industry && industryName(company.industry)],
    ["NAICS 2022", company.naics],
    ["SIC", company.sic],
    ["People", company.employee_count !== null ? count(company.employee_count) : null],
    ["Yearly revenue", revenue(company)],
    ["Head office", placeNames(company).join(", ")],
    ["Phone", company.phone],
    ["LinkedIn", company.linkedin_url && html`<${LinkedIn} url=${company.linkedin_url} />`],
    ["Lifecycle stage", company.lifecycle_stage],
    ["Owner", company.crm_rep_id && html`<${OwnerName} id=${company.crm_rep_id} />`],
    ["Changed at the CRM", html`<${Time} at=${company.source_updated_at} />`],
  ]} />`;

const LinkedIn = ({ url }) => html`<a href=${url} target="_blank" rel="noreferrer">${withoutScheme(url)}</a>`;

function revenue(company) {
  const own = money(company.annual_revenue, company.annual_revenue_currency);
  const dollars = company.annual_revenue_currency !== "USD" ? money(company.annual_revenue_usd, "USD") : null;
  const range = company.revenue_range && `range ${rangeName(company.revenue_range)}`;
  return own && [own, dollars && `≈ ${dollars}`, range].filter(Boolean).join(" · ");
}

function Related({ company, version, kind, one, columns }) {
  const list = useList(`/api/${kind}`, { company_id: company }, { version, size: 10 });
  const title = `${kind[0].toUpperCase()}${kind.slice(1)}`;
  return html`<${Section} id=${`${kind}-title`} title=${title}>
    ${list.rows?.length > 0 && html`<${ListState} list=${list} one=${one} many=${kind} />`}
    <${RecordTable} id=${kind} label=${title} columns=${columns} list=${list} empty=${{ title: `No ${kind}` }} /><//>`;
}
