// The list of deals, with their amounts and stages, and the company of each or why it has none.

import { html } from "../vendor/preact.js";
import { useList } from "../data/list.js";
import { href, replacePath } from "../data/router.js";
import { Filters } from "../parts/filters.js";
import { Badge, Sources } from "../parts/marks.js";
import { ARCHIVED_CHOICE, sortChoice, sourceChoice } from "../parts/record_choices.js";
import { ListState, RecordTable, TwoLines, emptyWords } from "../parts/record_table.js";
import { Title } from "../parts/shell.js";
import { day, money, percent } from "../words/format.js";
import { CompanyCell } from "./company_link.js";

const SORT = sortChoice(["Amount", "amount"], ["Last changed", "freshness"]);

const STATES = {
  label: "State",
  options: [
    ["Any", {}], ["Open", { is_closed: "false" }], ["Won", { is_won: "true" }],
    ["Lost", { is_closed: "true", is_won: "false" }],
  ],
};
const LINKS = {
  label: "Company",
  options: [["With or without", {}], ["Has a company", { linked: "true" }], ["Has none", { linked: "false" }]],
};

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

const inDollars = ({ currency, amount_usd: dollars }) => (currency === "USD" ? null : money(dollars, "USD"));

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
  {
    name: "company",
    head: "Company",
    room: "m",
    cell: (deal) => html`<${CompanyCell} record=${deal} kind="deals" />`,
  },
  {
    name: "close",
    head: "Close date",
    room: "m",
    cell: (deal) => html`<${TwoLines} first=${day(deal.close_date)}
      second=${html`<${Sources} record=${deal} />`} />`,
  },
  {
    name: "amount",
    head: "Amount",
    number: true,
    cell: (deal) => html`<${TwoLines} first=${money(deal.amount, deal.currency)}
      second=${inDollars(deal)} />`,
  },
];

export function Deals({ query, crms, version }) {
  const list = useList("/api/deals", { ...query, expand: "company" }, { version });
  const set = (changes) => replacePath("deals", { ...query, ...changes });
  return html`<${Title}>Deals<//>
    <${Filters} query=${query} set=${set} choices=${[STATES, LINKS, sourceChoice(crms, query), SORT]}
      more=${[ARCHIVED_CHOICE]} chips=${CHIPS} />
    <${ListState} list=${list} one="deal" many="deals" />
    <${RecordTable} id="deals" label="Deals" columns=${DEAL_COLUMNS} list=${list}
      empty=${emptyWords(query, "deal", "deals")} />`;
}
