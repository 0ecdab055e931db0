// Why a company shows what it shows and fits or not, and why a contact or deal is linked as it is.

import { html } from "../vendor/preact.js";
import { SENTENCES, text } from "../data/server_data.js";
import { href } from "../data/router.js";
import { Facts, Section } from "../parts/facts.js";
import { Badge, Time } from "../parts/marks.js";
import { count, money, withoutScheme } from "../words/format.js";
import { countryName, crmName, industryName, placeNames } from "../words/names.js";
import { rangeName } from "./companies.js";
import { OwnerName } from "./owner.js";

const joined = (...parts) => parts.filter(Boolean).join(" · ");

// The name of each group of columns, and how its values read.
const GROUPS = {
  name: ["Name", ({ company_name: name }) => name],
  industry: ["Industry", ({ industry, naics }) => joined(industry && industryName(industry), naics && `NAICS ${naics}`)],
  employee_count: ["People", ({ employee_count: people }) => (people ?? null) !== null && count(people)],
  revenue: ["Revenue", (values) => money(values.annual_revenue, values.annual_revenue_currency)],
  place: ["Head office", (values) => placeNames(values).join(", ")],
  description: ["Description", ({ description }) => description],
  phone: ["Phone", ({ phone }) => phone],
  linkedin_url: ["LinkedIn", ({ linkedin_url: url }) => url && withoutScheme(url)],
  lifecycle_stage: ["Lifecycle stage", ({ lifecycle_stage: stage }) => stage],
  rep: ["Owner", ({ crm_rep_id: id }) => id && html`<${OwnerName} id=${id} />`],
};

const Source = ({ source, pinned }) => html`<span class="source">
  ${`${pinned ? "Pinned to " : ""}${crmName(source.external_source)} ${source.external_provider_id} · `}
  <${Time} at=${source.source_updated_at} /></span>`;

const nameOfGroup = (group) => GROUPS[group]?.[0] ?? group;

export function CompanyExplanation({ explanation }) {
  const shown = explanation.groups.filter(({ source }) => source);
  const missing = explanation.groups.filter(({ source }) => !source).map(({ group }) => nameOfGroup(group));
  return html`<${Section} id="explanation" title="Why it shows this" note=${text("company_rule")}>
    <ul class="reasons">${shown.map(({ group, values, source, pinned }) => html`<li key=${group}>
      <span class="reason-name">${nameOfGroup(group)}</span>
      <span class="reason-value">${GROUPS[group]?.[1](values) || "–"}</span>
      <${Source} source=${source} pinned=${pinned} /></li>`)}</ul>
    ${missing.length > 0 && html`
      <p class="note">${text("no_record_has", { fields: missing.join(", ") })}</p>`}
  <//>
  <${Section} id="records" title="Records" note=${text("records_rule")}>
    ${explanation.records.map((record) => html`<${Record} key=${record.external_provider_id} record=${record} />`)}
    ${explanation.has_more && html`<p class="note">${text("further_records")}</p>`}
  <//>`;
}

const Record = ({ record }) => html`<details>
  <summary><span>${crmName(record.external_source)} · ${record.values.company_name ?? "(no name)"}</span>
    <span class="second">${`${record.external_provider_id} · `}<${Time} at=${record.source_updated_at} /></span>
  </summary>
  <${Facts} facts=${recordFacts(record)} />
</details>`;

function recordFacts({ values, hidden }) {
  const facts = Object.entries(GROUPS).map(([, [name, show]]) => [name, show(values)]);
  return [["Domain", values.domain], ...facts, ["Hidden from us", hidden.join(", ")]]
    .filter(([, value]) => value);
}

const CRITERIA = {
  industries: ["Industry", (value) => industryName(value)],
  naics: ["NAICS code", (value) => value],
  employees: ["People", (value) => count(value)],
  revenue_ranges: ["Revenue", (value) => rangeName(value)],
  countries: ["Country", (value) => countryName(value)],
};
const OUTCOMES = { met: ["Fits", "good"], not_met: ["Does not fit", "bad"], unknown: ["Unknown", "warn"] };

export function IcpFit({ icp }) {
  const asked = icp.criteria.filter(({ outcome }) => outcome !== "any");
  const note = icp.fits ? text(asked.length ? "icp_fits" : "icp_empty") : text("icp_misses");
  return html`<${Section} id="icp" title="Ideal customer" note=${note}>
    ${asked.length > 0 && html`<ul class="criteria">${asked.map((criterion) => html`
      <${Criterion} key=${criterion.criterion} ...${criterion} />`)}</ul>`}
  <//>`;
}

function Criterion({ criterion, outcome, value }) {
  const [name, show] = CRITERIA[criterion] ?? [criterion, (given) => given];
  const [words, mood] = OUTCOMES[outcome];
  return html`<li><span>${name}</span>
    <span class="second">${value === null ? "not known" : show(value)}</span><${Badge} mood=${mood}>${words}<//></li>`;
}

// What was tried to find the company of a contact or deal, in order.
export const LinkExplanation = ({ explanation, kind }) => html`
  <${Section} id="link" title="Why it belongs there" note=${text(`${kind}_rule`)}>
  <ol class="steps">${explanation.tried.map((step, at) => html`<li key=${at}>
    <span class="reason-name">${SENTENCES.links.rules[step.rule] ?? step.rule}
      ${step.value && html`<code>${` ${step.value}`}</code>`}</span>
    <span class="reason-value">${outcomeOf(step)}</span>
    ${step.company_id && html`<a href=${href(`companies/${step.company_id}`)}>See the company</a>`}
  </li>`)}</ol>
<//>`;

function outcomeOf({ outcome, association, additional_domain: further }) {
  const { outcomes, associations } = SENTENCES.links;
  const how = association && associations[association];
  const parts = [outcomes[outcome] ?? outcome, outcome === "linked" && how, further && text("further_domain")];
  return parts.filter(Boolean).join(" ");
}
