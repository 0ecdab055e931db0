// One company: its values, why it shows them, whether it fits, its records, contacts and deals.

import { html, useEffect } from "../vendor/preact.js";
import { useList } from "../data/list.js";
import { useResource } from "../data/resource.js";
import { href, replacePath } from "../data/router.js";
import { Facts, Section } from "../parts/facts.js";
import { Archived, Badge, OpenInCrm, Sources, Time } from "../parts/marks.js";
import { ListState, RecordTable, only } from "../parts/record_table.js";
import { Title } from "../parts/shell.js";
import { Lines, Problem } from "../parts/states.js";
import { count, money } from "../words/format.js";
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
  const { value, problem } = company;
  // A merged company's address leads to the one that it became.
  useEffect(() => {
    if (value && value.id !== id) replacePath(`companies/${value.id}`);
  }, [value?.id]);
  if (problem && !value) return html`<${Title} back=${BACK}>Company<//><${Problem} problem=${problem} retry=${company.retry} />`;
  return html`
    <${Title} back=${BACK} aside=${value && html`<${OpenInCrm} record=${value} />`}>${value ? nameOf(value) : "Company"}<//>
    ${value ? html`<p class="subtitle">
      ${value.domain ? html`<a href=${`https://${value.domain}`} target="_blank" rel="noreferrer">${value.domain}</a>` : "no domain"}
      <${Sources} record=${value} /><${Archived} record=${value} />
      ${explanation.value && html`<${Fit} icp=${explanation.value.icp} />`}</p>` : html`<p class="subtitle"> </p>`}
    <div class="columns">
      <div>
        <${Section} id="about" title="About">${value ? html`<${About} company=${value} />` : html`<${Lines} lines=${8} />`}<//>
        <${Related} id="contacts" title="Contacts" path="/api/contacts" company=${id} version=${version} columns=${only(CONTACT_COLUMNS, "name", "title")} one="contact" many="contacts" />
        <${Related} id="deals" title="Deals" path="/api/deals" company=${id} version=${version} columns=${only(DEAL_COLUMNS, "name", "state", "amount")} one="deal" many="deals" />
      </div>
      <div>
        ${explanation.problem && !explanation.value && html`<${Problem} problem=${explanation.problem} retry=${explanation.retry} />`}
        ${explanation.value ? html`<${IcpFit} icp=${explanation.value.icp} />
          <${CompanyExplanation} explanation=${explanation.value} />`
        : !explanation.problem && html`<${Section} id="loading" title="Why it shows this"><${Lines} lines=${8} /><//>`}
      </div>
    </div>`;
}

const Fit = ({ icp }) => icp.criteria.some(({ outcome }) => outcome !== "any") && html`<${Badge} mood=${icp.fits ? "good" : ""}>${icp.fits ? "Fits your ideal customer" : "Not your ideal customer"}<//>`;

const About = ({ company }) => html`${company.description && html`<p class="description">${company.description}</p>`}
  <${Facts} facts=${[
    ["Industry", company.industry && industryName(company.industry)],
    ["NAICS 2022", company.naics],
    ["SIC", company.sic],
    ["People", company.employee_count !== null ? count(company.employee_count) : null],
    ["Yearly revenue", revenue(company)],
    ["Head office", placeNames(company).join(", ")],
    ["Phone", company.phone],
    ["LinkedIn", company.linkedin_url && html`<a href=${company.linkedin_url} target="_blank" rel="noreferrer">Its page</a>`],
    ["Lifecycle stage", company.lifecycle_stage],
    ["Owner", company.crm_rep_id && html`<${OwnerName} id=${company.crm_rep_id} />`],
    ["Changed at the CRM", html`<${Time} at=${company.source_updated_at} />`],
  ]} />`;

function revenue(company) {
  const own = money(company.annual_revenue, company.annual_revenue_currency);
  const dollars = company.annual_revenue_currency !== "USD" ? money(company.annual_revenue_usd, "USD") : null;
  const range = company.revenue_range && `range ${rangeName(company.revenue_range)}`;
  return own && [own, dollars && `≈ ${dollars}`, range].filter(Boolean).join(" · ");
}

function Related({ id, title, path, company, version, columns, one, many }) {
  const list = useList(path, { company_id: company }, { version, size: 10 });
  const none = { title: `No ${many}`, text: null };
  return html`<${Section} id=${`${id}-title`} title=${title}>
    ${list.rows?.length > 0 && html`<${ListState} list=${list} one=${one} many=${many} />`}
    <${RecordTable} id=${id} label=${title} columns=${columns} list=${list} empty=${none} /><//>`;
}
