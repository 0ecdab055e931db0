// The list of companies, each made of the records of all CRMs.

import { html } from "../vendor/preact.js";
import { useList } from "../data/list.js";
import { href, replacePath } from "../data/router.js";
import { text } from "../data/server_data.js";
import { Filters } from "../parts/filters.js";
import { Archived, Sources } from "../parts/marks.js";
import { ListState, RecordTable, TwoLines } from "../parts/record_table.js";
import { Title } from "../parts/shell.js";
import { count, shortMoney } from "../words/format.js";
import { countryChoices, crmName, industryChoices, industryName, placeNames, useRegions } from "../words/names.js";

const REVENUE_RANGES = ["<1M", "1M-10M", "10M-50M", "50M-250M", "250M-1B", ">1B"];

export const nameOf = (company) => company.company_name ?? company.domain ?? "(no name)";

export const sourceChoice = (crms) => ({
  label: "CRM",
  options: [["Any CRM", {}], ...crms.map(({ provider }) => [crmName(provider), { source: provider }])],
});

const SORTS = [["First seen", {}], ["Name", { sort: "name" }], ["Last changed", { sort: "freshness" }], ["Revenue", { sort: "revenue" }]];

const moreFilters = () => [
  { label: "Ideal customer", options: [["Any", {}], ["Fits", { fits_icp: "true" }], ["Does not fit", { fits_icp: "false" }]] },
  { label: "Industry", options: [["Any", {}], ...industryChoices().map(([value, label]) => [label, { industry: value }])] },
  { label: "Country", options: [["Any", {}], ...countryChoices().map(([code, name]) => [name, { country: code }])] },
  { label: "Revenue", options: [["Any", {}], ...REVENUE_RANGES.map((range) => [rangeName(range), { revenue_range: range }])] },
  { label: "Gone at the CRM", options: [["Left out", {}], ["Included", { include_archived: "true" }]] },
];

export const rangeName = (range) => range && `${range.replace(/[\d.]+/g, "$$$&").replace("-", " – ").replace(/^([<>])/, "$1 ")}`;

const CHIPS = [{ name: "external_id", label: (id) => `CRM id ${id}` }];

const place = (company) => placeNames(company);

const COLUMNS = [
  {
    name: "name",
    head: "Company",
    cell: (company) => html`<${TwoLines}
      first=${html`<a href=${href(`companies/${company.id}`)}>${nameOf(company)}</a>`}
      second=${html`<span>${company.domain ?? "no domain"}</span><span class="narrow"> · ${place(company)[0] ?? "no place"}</span>`} />`,
  },
  {
    name: "industry",
    head: "Industry",
    room: "m",
    cell: ({ industry, naics }) => html`<${TwoLines} first=${industry && industryName(industry)} second=${naics && `NAICS ${naics}`} />`,
  },
  {
    name: "place",
    head: "Head office",
    room: "s",
    cell: (company) => html`<${TwoLines} first=${place(company)[0]} second=${place(company)[1]} />`,
  },
  {
    name: "size",
    head: "Revenue",
    number: true,
    cell: (company) => html`<${TwoLines} first=${revenue(company)}
      second=${company.employee_count !== null && `${count(company.employee_count)} people`} />`,
  },
  { name: "sources", head: "Known to", room: "l", cell: (company) => html`<${Sources} record=${company} /><${Archived} record=${company} />` },
];

const revenue = ({ annual_revenue: own, annual_revenue_currency: currency, annual_revenue_usd: dollars }) =>
  dollars === null ? shortMoney(own, currency) : shortMoney(dollars, "USD");

export function Companies({ query, crms, version }) {
  useRegions();
  const list = useList("/api/companies", query, { version });
  const set = (changes) => replacePath("companies", { ...query, ...changes });
  const filtered = Object.keys(query).some((name) => name !== "sort");
  return html`<${Title}>Companies<//>
    <${Filters} chips=${CHIPS} search=${{ name: "name", label: "Name begins with …" }} query=${query} set=${set}
      choices=${[sourceChoice(crms), { label: "Sort", options: SORTS }]} more=${moreFilters()} />
    <${ListState} list=${list} one="company" many="companies" />
    <${RecordTable} id="companies" label="Companies" columns=${COLUMNS} list=${list}
      empty=${{ title: filtered ? "No company fits" : "No companies yet", text: text(filtered ? "none_fits" : "none_yet") }} />`;
}
