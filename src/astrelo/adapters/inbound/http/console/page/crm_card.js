// One CRM: its connection, its buttons, the progress of its sync and the report of its last one.

import { ask, at, count, element, show, sum, write } from "./elements.js";

const TYPES = ["companies", "contacts", "deals"];

const STATUS = {
  active: ["Connected", "good"],
  needs_reauthorization: ["Needs your permission again", "bad"],
  disconnected: ["Disconnected", "warn"],
  not_connected: ["Not connected", ""],
};

export class CrmCard {
  // `attempt` does what a button asks for, then draws everything again. `sentences` are the server's.
  constructor(provider, labels, sentences, attempt) {
    this.sentences = sentences;
    this.path = `/api/integrations/${provider}`;
    this.label = labels[provider] ?? provider;
    this.root = at("crm-card").content.cloneNode(true).firstElementChild;
    this.root.setAttribute("aria-label", this.label);
    this.parts = Object.fromEntries(
      [...this.root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]),
    );
    write(this.parts.label, this.label);
    this.listen(attempt);
  }

  listen(attempt) {
    const on = (part, event, action) => this.parts[part].addEventListener(event, action);
    on("sync", "click", () => attempt(() => ask(`${this.path}/sync`, { method: "POST" })));
    on("cancel", "click", () => attempt(() => this.cancel()));
    on("disconnect", "click", () => {
      if (confirm(`Disconnect ${this.label}? The records stay here, but are no longer refreshed.`)) {
        attempt(() => ask(this.path, { method: "DELETE" }));
      }
    });
    on("connect", "click", () => attempt(() => this.connect()));
    on("login", "submit", (event) => {
      event.preventDefault();
      attempt(() => this.connect());
    });
  }

  // Asked by script, so that a host which is none of the CRM's is explained here and not on a page of JSON.
  async connect() {
    // No more of an address than its host goes on: the rest may hold a session.
    const [host] = this.parts["login-host"].value.trim().match(/^([a-z]+:\/\/)?[^/?#]*/i);
    const query = host ? `?${new URLSearchParams({ login_host: host })}` : "";
    const { authorize_url: away } = await ask(`${this.path}/authorize${query}`, { method: "POST" });
    if (away !== null) location.assign(away);
  }

  async cancel() {
    const crm = await ask(this.path);
    if (crm.current_run) await ask(`${this.path}/runs/${crm.current_run.id}/cancel`, { method: "POST" });
  }

  async draw(crm) {
    this.drawConnection(crm);
    this.drawProgress(crm.current_run);
    this.drawCounts(crm);
    await this.drawReconciliation(crm.last_run);
  }

  drawConnection(crm) {
    const { parts } = this;
    const [label, mood] = STATUS[crm.status];
    const active = crm.status === "active";
    const open = crm.current_run !== null;
    write(parts.status, label);
    parts.status.className = `badge ${mood}`;
    const who = crm.connected_by ? ` · connected by ${crm.connected_by}` : "";
    write(parts.account, crm.account_name && `${crm.account_name} · account ${crm.account_id}${who}`);
    write(parts.reason, this.sentence(crm.reason));
    write(parts.action, crm.configured ? crm.action : this.sentences.failures.not_configured);
    write(parts.connect, `Connect ${this.label}${crm.status === "not_connected" ? "" : " again"}`);
    show(parts.connect, crm.configured && !active);
    show(parts.login, crm.configured && !active && crm.chooses_login_host === true);
    show(parts.sync, active && !open);
    show(parts.cancel, open);
    show(parts.disconnect, active || crm.status === "needs_reauthorization");
  }

  // A run goes on, or has begun elsewhere.
  drawRun(run) {
    this.drawProgress(run);
    show(this.parts.sync, false);
    show(this.parts.cancel, true);
  }

  drawProgress(run) {
    show(this.parts.progress, run !== null);
    if (run === null) return;
    write(this.parts["run-state"], this.describe(run));
    this.parts.bars.replaceChildren(...stepsOf(run).map(bar));
  }

  drawCounts(crm) {
    const { companies, contacts, deals, owners } = crm.counts;
    show(this.parts.tiles, crm.status !== "not_connected");
    this.parts.tiles.replaceChildren(
      tile("Companies", companies.entities, `from ${count(companies.records)} records`),
      tile("Contacts", contacts.total, `${count(sum(contacts.linked))} linked to a company`),
      tile("Deals", deals.total, `${count(deals.linked)} linked to a company`),
      tile("Owners", owners, "of your own team"),
    );
    const unlinked = Object.entries(contacts.unlinked).filter(([, number]) => number > 0);
    show(this.parts.unlinked, unlinked.length > 0);
    this.parts["unlinked-rows"].replaceChildren(...unlinked.map(([reason, number]) => element("tr", [
      element("td", this.sentences.unlinked[reason][0], { title: this.sentences.unlinked[reason][1] }), element("td", count(number), { class: "number" }),
    ])));
  }

  async drawReconciliation(run) {
    show(this.parts.reconciliation, run !== null);
    const key = run && `${run.id} ${run.status} ${run.finished_at}`;
    if (run === null || key === this.reportedRun) return;
    const report = await ask(`${this.path}/runs/${run.id}`);
    this.reportedRun = key;
    write(this.parts["reconciliation-outcome"], outcome(run));
    const ended = run.finished_at ? `Ended ${new Date(run.finished_at).toLocaleString()}.` : "";
    write(this.parts["reconciliation-state"], this.describe(run, ended));
    this.parts["reconciliation-rows"].replaceChildren(...stepsOf(run).map(reconciliationRow));
    this.parts.warnings.replaceChildren(...report.warnings.map((warning) => element("li", warning)));
  }

  describe(run, ended = "") {
    const [happened, means] = this.sentences.runs[run.status];
    return [happened, ended, this.sentence(run.reason) ?? means, run.action].filter(Boolean).join(" ");
  }

  // Reasons of runs of earlier releases are clauses without a full stop.
  sentence(reason) {
    const text = reason?.replace(/\.$/, "");
    return text && `${text[0].toUpperCase()}${text.slice(1)}.`;
  }
}

function stepsOf(run) {
  const byType = Object.fromEntries(run.steps.map((step) => [step.object_type, step]));
  return TYPES.map((type) => byType[type]).filter(Boolean);
}

function outcome(run) {
  const doubtful = run.steps.filter((step) => !step.reconciled).length;
  if (run.status !== "completed" && run.status !== "partial") return run.status;
  return doubtful ? `${run.status}, ${doubtful} of ${run.steps.length} not reconciled` : "everything is accounted for";
}

function bar(step) {
  const progress = element("progress", "", { "aria-label": `${step.object_type}: ${step.status}` });
  if (step.status === "completed") progress.value = progress.max = 1;
  else if (step.expected_total) {
    progress.max = step.expected_total;
    progress.value = Math.min(step.distinct, step.expected_total);
  } else if (step.status === "pending") progress.value = 0;
  const of = step.expected_total ? ` of ${count(step.expected_total)}` : "";
  return element("div", [
    element("span", step.object_type),
    progress,
    element("output", `${count(step.distinct)}${of} · ${step.status}`),
  ], { class: "bar" });
}

function tile(name, number, note) {
  return element("div", [element("dt", name), element("dd", count(number)), element("dd", note)]);
}

function reconciliationRow(step) {
  const numbers = [step.received, step.repeats, step.inserted, step.updated, step.unchanged, step.stale,
    sum(step.rejected)];
  return element("tr", [
    element("th", step.object_type, { scope: "row" }),
    ...numbers.map((number) => element("td", count(number), { class: "number" })),
    element("td", step.reconciled ? "yes" : "no", { class: step.reconciled ? "good" : "bad" }),
  ]);
}
