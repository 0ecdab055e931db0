// The list of companies, made of the records of all CRMs.

import { announce, ask, at, count, element, show, write } from "./elements.js";

const PAGE = 10;
const MAX_ROWS = 100;
const TYPING_MS = 300;

export class CompanyList {
  constructor(labels) {
    this.labels = labels;
    this.rows = at("companies-rows");
    this.filter = at("companies-filter");
    let typing;
    this.filter.addEventListener("submit", (event) => event.preventDefault());
    this.filter.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.applyFilter(), TYPING_MS);
    });
    at("companies-more").addEventListener("click", () => this.more());
  }

  // Show the companies; request them again only when the connected CRMs' counts or runs have changed.
  async draw(crms) {
    const connected = crms.filter((crm) => crm.status !== "not_connected");
    const key = JSON.stringify(connected.map((crm) => [crm.provider, crm.counts, crm.last_run?.id]));
    show(at("companies"), connected.length > 0);
    if (connected.length === 0 || key === this.key) return;
    this.offerSources(connected);
    await Promise.all([this.drawSummary(connected.length > 1), this.reload()]);
    this.key = key;
  }

  offerSources(crms) {
    show(at("source-filter"), crms.length > 1);
    const choice = this.filter.elements.source;
    // A hidden choice must not go on hiding companies.
    if (crms.length < 2) choice.value = "";
    for (const { provider } of crms) {
      if (![...choice.options].some((option) => option.value === provider)) {
        choice.append(element("option", this.labels[provider] ?? provider, { value: provider }));
      }
    }
  }

  async drawSummary(several) {
    const { companies, with_two_sources: shared } = await ask("/api/companies/summary");
    const note = several ? `, ${count(shared)} of them known to more than one CRM` : "";
    write(at("companies-count"), `${count(companies)} in all${note}.`);
  }

  async applyFilter() {
    this.rows.replaceChildren();
    await this.attempt(() => this.reload());
  }

  async more() {
    await this.attempt(async () => this.add(await this.page({ limit: PAGE, cursor: this.cursor })));
  }

  async attempt(work) {
    try {
      await work();
    } catch (problem) {
      announce(problem.message);
    }
  }

  // Keeps the user's place: reads as many rows again as are shown. Of two reloads at once, the later one counts.
  async reload() {
    const limit = Math.min(MAX_ROWS, Math.max(PAGE, this.rows.childElementCount));
    const number = this.reloads = (this.reloads ?? 0) + 1;
    const page = await this.page({ limit });
    if (number !== this.reloads) return;
    this.rows.replaceChildren();
    this.add(page);
  }

  page(query) {
    const { name, source } = Object.fromEntries(new FormData(this.filter));
    const given = Object.entries({ ...query, name: name.trim(), source }).filter(([, value]) => value);
    return ask(`/api/companies?${new URLSearchParams(given)}`);
  }

  add({ data, has_more: hasMore, next_cursor: cursor }) {
    this.cursor = cursor;
    this.rows.append(...data.map((company) => this.row(company)));
    show(at("companies-more"), hasMore);
    show(at("companies-none"), this.rows.childElementCount === 0);
  }

  row(company) {
    const place = [company.hq_city, company.hq_region ?? company.hq_country].filter(Boolean).join(", ");
    return element("tr", [
      element("th", company.company_name ?? "(no name)", { scope: "row" }),
      ...[company.domain, company.industry, place].map((text) => element("td", text ?? "")),
      element("td", this.sources(company)),
    ]);
  }

  // One mark per CRM: its records' ids are in the tooltip, their number beside the name when there are several.
  sources({ sources, ...leading }) {
    const ids = {};
    for (const { external_source: crm, external_provider_id: id } of sources ?? [leading]) {
      (ids[crm] ??= []).push(id);
    }
    return Object.entries(ids).map(([crm, records]) => element(
      "span",
      `${this.labels[crm] ?? crm}${records.length > 1 ? ` × ${records.length}` : ""}`,
      { class: "mark", title: records.join(", ") },
    ));
  }
}
