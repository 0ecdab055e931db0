// The list of deals, with their amounts and stages, and the company of each or why it has none.

import { html } from "../vendor/preact.js";
import { useList } from "../data/list.js";
import { href, replacePath } from "../data/router.js";
import { text } from "../data/server_data.js";
import { Filters } from "../parts/filters.js";
import { Badge, Sources } from "../parts/marks.js";
import { ListState, RecordTable, TwoLines } from "../parts/record_table.js";
import { Title } from "../parts/shell.js";
import { day, money, percent } from "../words/format.js";
import { sourceChoice } from "./companies.js";
import { CompanyCell } from "./contacts.js";

const SORTS = [["First seen", {}], ["Amount", { sort: "amount" }], ["Last changed", { sort: "freshness" }]];

const STATES = {
  label: "State",
  options: [
    ["Any", {}], ["Open", { is_closed: "false" }], ["Won", { is_won: "true" }],
    ["Lost", { is_closed: "true", is_won: "false" }],
  ],
};
const ARCHIVED = { label: "Gone at the CRM", options: [["Left out", {}], ["Included", { include_archived: "true" }]] };

const LINKS = { label: "Company", options: [["With or without", {}], ["Has a company", { linked: "true" }], ["Has none", { linked: "false" }]] };

const CHIPS = [
  { name: "company_id", label: () => "Of one company" },
  { name: "contact", label: () => "Of one contact" },
  { name: "rep", label: () => "Of one owner" },
  { name: "stage", label: (stage) => `Stage ${stage}` },
  { name: "external_id", label: (id) => `CRM id ${id}` },
];

export const DealState = ({ deal }) => {
  if (deal.is_won) return html`<${Badge} mood="good">Won<//>`;
  if (deal.is_closed) return html`<${Badge} mood="bad">Lost<//>`;
  return deal.is_closed === false && html`<${Badge} mood="accent">Open<//>`;
};

const inDollars = ({ currency, amount_usd: dollars }) => (dollars !== null && currency !== "USD" ? money(dollars, "USD") : null);

export const DEAL_COLUMNS = [
  {
    name: "name",
    head: "Deal",
    cell: (deal) => html`<${TwoLines}
      first=${html`<a href=${href(`deals/${deal.id}`)}>${deal.name ?? "(no name)"}</a>`}
      second=${html`<span>${deal.stage_label ?? deal.stage_id ?? "no stage"}</span>`} />`,
  },
  {
    name: "state",
    head: "State",
    room: "s",
    cell: (deal) => html`<${TwoLines} first=${html`<${DealState} deal=${deal} />`}
      second=${deal.probability !== null && percent(deal.probability)} />`,
  },
  { name: "company", head: "Company", room: "m", cell: (deal) => html`<${CompanyCell} record=${deal} kind="deals" />` },
  {
    name: "close",
    head: "Close date",
    room: "m",
    cell: (deal) => html`<${TwoLines} first=${day(deal.close_date)} second=${html`<${Sources} record=${deal} />`} />`,
  },
  {
    name: "amount",
    head: "Amount",
    number: true,
    cell: (deal) => html`<${TwoLines} first=${money(deal.amount, deal.currency)} second=${inDollars(deal)} />`,
  },
];

export function Deals({ query, crms, version }) {
  const list = useList("/api/deals", { ...query, expand: "company" }, { version });
  const set = (changes) => replacePath("deals", { ...query, ...changes });
  const filtered = Object.keys(query).some((name) => name !== "sort");
  return html`<${Title}>Deals<//>
    <${Filters} query=${query} set=${set} choices=${[STATES, LINKS, sourceChoice(crms), { label: "Sort", options: SORTS }]}
      more=${[ARCHIVED]} chips=${CHIPS} />
    <${ListState} list=${list} one="deal" many="deals" />
    <${RecordTable} id="deals" label="Deals" columns=${DEAL_COLUMNS} list=${list}
      empty=${{ title: filtered ? "No deal fits" : "No deals yet", text: text(filtered ? "none_fits" : "none_yet") }} />`;
}
