// The list of companies, each made of the records of all CRMs.

import { html } from "../vendor/preact.js";
import { useList } from "../data/list.js";
import { href, replacePath } from "../data/router.js";
import { Filters } from "../parts/filters.js";
import { Archived, Sources } from "../parts/marks.js";
import { ARCHIVED_CHOICE, sortChoice, sourceChoice } from "../parts/record_choices.js";
import { ListState, RecordTable, TwoLines, emptyWords } from "../parts/record_table.js";
import { Title } from "../parts/shell.js";
import { count, shortMoney } from "../words/format.js";
import { countryChoices, industryChoices, industryName, placeNames, useRegions } from "../words/names.js";

const REVENUE_RANGES = ["<1M", "1M-10M", "10M-50M", "50M-250M", "250M-1B", ">1B"];

export const nameOf = (company) => company.company_name ?? company.domain ?? "(no name)";

const SORT = sortChoice(["Name", "name"], ["Last changed", "freshness"], ["Revenue", "revenue"]);

const ICP_FITS = [["Fits", { fits_icp: "true" }], ["Does not fit", { fits_icp: "false" }]];

const choice = (label, options) => ({ label, options: [["Any", {}], ...options] });

const moreFilters = ({ country }) => [
  choice("Ideal customer", ICP_FITS),
  choice("Industry", industryChoices().map(([industry, label]) => [label, { industry }])),
  choice("Country", countryChoices(country).map(([country, name]) => [name, { country }])),
  choice("Revenue", REVENUE_RANGES.map((range) => [rangeName(range), { revenue_range: range }])),
  ARCHIVED_CHOICE,
];

// "$1M – $10M" of the API's "1M-10M".
export const rangeName = (range) => range?.replace(/[\d.]+/g, "$$$&").replace("-", " – ").replace(/^([<>])/, "$1 ");

const CHIPS = [{ name: "external_id", label: (id) => `CRM id ${id}` }];

const COLUMNS = [
  {
    name: "name",
    head: "Company",
    cell: (company) => html`<${TwoLines}
      first=${html`<a href=${href(`companies/${company.id}`)}>${nameOf(company)}</a>`}
      second=${html`<span>${company.domain ?? "no domain"}</span>
        <span class="narrow">${` · ${placeNames(company)[0] ?? "no place"}`}</span>`} />`,
  },
  {
    name: "industry",
    head: "Industry",
    room: "m",
    cell: ({ industry, naics }) => html`<${TwoLines} first=${industry && industryName(industry)}
      second=${naics && `NAICS ${naics}`} />`,
  },
  {
    name: "place",
    head: "Head office",
    room: "s",
    cell: (company) => html`<${TwoLines} first=${placeNames(company)[0]} second=${placeNames(company)[1]} />`,
  },
  {
    name: "size",
    head: "Revenue",
    number: true,
    cell: (company) => html`<${TwoLines} first=${revenue(company)}
      second=${company.employee_count !== null && `${count(company.employee_count)} people`} />`,
  },
  {
    name: "sources",
    head: "Known to",
    room: "l",
    cell: (company) => html`<${Sources} record=${company} /><${Archived} record=${company} />`,
  },
];

const revenue = ({ annual_revenue: own, annual_revenue_currency: currency, annual_revenue_usd: dollars }) =>
  dollars === null ? shortMoney(own, currency) : shortMoney(dollars, "USD");

export function Companies({ query, crms, version }) {
  useRegions();
  const list = useList("/api/companies", query, { version });
  const set = (changes) => replacePath("companies", { ...query, ...changes });
  return html`<${Title}>Companies<//>
    <${Filters} search=${{ name: "name", label: "Name begins with …" }} choices=${[sourceChoice(crms, query), SORT]}
      more=${moreFilters(query)} chips=${CHIPS} query=${query} set=${set} />
    <${ListState} list=${list} one="company" many="companies" />
    <${RecordTable} id="companies" label="Companies" columns=${COLUMNS} list=${list}
      empty=${emptyWords(query, "company", "companies")} />`;
}
