// One CRM: its connection, how complete its data is, what it holds, what deserves a look. Each part keeps its
// height while a sync runs and when it ends.

import { html } from "../vendor/preact.js";
import { useResource } from "../data/resource.js";
import { href } from "../data/router.js";
import { SENTENCES, text } from "../data/server_data.js";
import { Badge, Time } from "../parts/marks.js";
import { count, percent, plural, sum } from "../words/format.js";
import { crmName } from "../words/names.js";
import { CancelSync, CrmActions } from "./crm_actions.js";

const STATUS = {
  active: ["Connected", "good"],
  needs_reauthorization: ["Needs your permission", "bad"],
  disconnected: ["Disconnected", "warn"],
  not_connected: ["Not connected", ""],
};
const ENDED = ["completed", "partial"];
const TYPES = ["companies", "contacts", "deals"];

export function CrmCard({ crm }) {
  const name = crmName(crm.provider);
  const [label, mood] = STATUS[crm.status];
  const known = crm.status !== "not_connected";
  const id = `${crm.provider}-card`;
  return html`<section class="card" aria-labelledby=${id}>
    <div class="card-head">
      <div><h2 id=${id}>${name}</h2><${Account} crm=${crm} /></div>
      <${Badge} mood=${mood}>${label}<//>
    </div>
    ${known && crm.status !== "active" && html`
      <p class="reason">${[sentence(crm.reason), adviceOf(crm)].filter(Boolean).join(" ")}</p>`}
    <p class="sr-only" role="status">${progressWords(crm, name)}</p>
    ${known && html`<${Completeness} crm=${crm} />`}
    <${CrmActions} crm=${crm} name=${name} />
    ${known && html`<${Figures} crm=${crm} /><${Attention} crm=${crm} />`}
  </section>`;
}

const adviceOf = ({ configured, action }) => (configured ? action : SENTENCES.failures.not_configured);

function Account({ crm }) {
  const { status, account_name: name, account_id: id, connected_by: by } = crm;
  if (status === "not_connected") return html`<p class="note">${adviceOf(crm)}</p>`;
  return html`<p class="note account">${name ?? "Account"}${name?.includes(id) ? "" : ` · ${id}`}</p>
    <p class="note account">${by && `Connected by ${by}`}</p>`;
}

// What was complete at the earliest of these times is complete altogether.
function completeAsOf({ complete_as_of: times }) {
  const each = TYPES.map((type) => times[type]);
  return each.every(Boolean) ? each.reduce((first, time) => (time < first ? time : first)) : null;
}

function Completeness({ crm }) {
  const asOf = completeAsOf(crm);
  const run = crm.current_run;
  return html`<div class="complete">
    <p class="complete-as-of">
      ${asOf ? html`Complete as of <${Time} at=${asOf} />` : text("never_complete")}</p>
    <div class="run-line"><p class="note one-line">
      ${run ? SENTENCES.runs[run.status][0] : html`<${LastRun} crm=${crm} />`}</p>
      ${run && html`<${CancelSync} key=${run.id} provider=${crm.provider} run=${run} />`}</div>
    <${RunReason} run=${run ?? crm.last_run} />
  </div>`;
}

const LastRun = ({ crm: { provider, last_run: run } }) => (run
  ? html`<a href=${href(`syncs/${provider}/${run.id}`)}>
        ${SENTENCES.runs[run.status][0].replace(/\.$/, "")}</a>
      ${run.finished_at && html`, ended <${Time} at=${run.finished_at} />`}`
  : text("no_sync_yet"));

// Only a run that waits, failed or left something out has more to say.
const RunReason = ({ run }) => run && (run.reason || run.action) && html`<p class="reason">
  ${[sentence(run.reason), run.action].filter(Boolean).join(" ")}</p>`;

// Reasons of runs of earlier releases are clauses without a full stop.
export function sentence(reason) {
  const clause = reason?.replace(/\.$/, "");
  return clause && `${clause[0].toUpperCase()}${clause.slice(1)}.`;
}

// For screen readers: changes when a run begins, has read one sort of records, or ends; not with each record.
function progressWords({ current_run: run, last_run: last }, name) {
  if (!run) return last ? `${name}: ${SENTENCES.runs[last.status][0]}` : "";
  const read = run.steps.filter(({ status }) => status === "completed").map(({ object_type: type }) => type);
  return `${name}: ${SENTENCES.runs[run.status][0]}${read.length ? ` Read so far: ${read.join(", ")}.` : ""}`;
}

function Figures({ crm }) {
  const { companies, contacts, deals } = crm.counts;
  const linked = sum(contacts.linked);
  const figures = {
    companies: [companies.entities, plural(companies.records, "record", "records")],
    contacts: [contacts.total, share(linked, contacts.total)],
    deals: [deals.total, share(deals.linked, deals.total)],
  };
  const steps = Object.fromEntries((crm.current_run?.steps ?? []).map((step) => [step.object_type, step]));
  return html`<dl class="figures">${TYPES.map((type) => html`
    <${Figure} key=${type} type=${type} provider=${crm.provider} number=${figures[type][0]}
      note=${figures[type][1]} step=${steps[type]} />`)}</dl>`;
}

const share = (linked, total) => (total ? `${percent(linked / total)} linked` : "none yet");

function Figure({ type, provider, number, note, step }) {
  const reading = step && step.status !== "completed" && step.status !== "pending";
  const done = step?.status === "completed";
  const value = step?.expected_total ? Math.min(1, step.distinct / step.expected_total) : undefined;
  const expected = step?.expected_total ? ` of ${count(step.expected_total)}` : "";
  return html`<div>
    <dt>${type[0].toUpperCase()}${type.slice(1)}</dt>
    <dd class="figure">
      <a href=${href(type, { source: provider })}>${count(number || (step?.distinct ?? 0))}</a></dd>
    <dd class="note one-line">${step ? `${count(step.distinct)}${expected} read` : note}</dd>
    <dd><progress class=${step ? "" : "unseen"} aria-label=${`${type} read`} max="1"
      value=${done ? 1 : reading ? value : 0} /></dd>
  </div>`;
}

// An incremental run reads what has changed alone: what the CRM's data lack is in the report of the last full one.
function useFullRun({ provider, last_run: last }) {
  const needed = last !== null && last.mode !== "full";
  const { value } = useResource(needed && `/api/integrations/${provider}/runs?limit=100`, last?.id);
  return value?.data.find(({ mode, status }) => mode === "full" && ENDED.includes(status)) ?? last;
}

function Attention({ crm }) {
  const { provider, counts } = crm;
  const run = useFullRun(crm);
  const steps = run?.steps ?? [];
  const total = (part) => steps.reduce((all, step) => all + sum(step[part]), 0);
  const unlinked = { source: provider, linked: "false" };
  const report = run && href(`syncs/${provider}/${run.id}`);
  const rows = [
    ["Contacts without a company", sum(counts.contacts.unlinked), href("contacts", unlinked)],
    ["Deals without a company", counts.deals.unlinked, href("deals", unlinked)],
    ["Values that could not be read", total("unreadable"), report],
    ["Records that could not be kept", total("rejected"), report],
  ];
  return html`<ul class="attention">${rows.map(([label, number, to]) => html`<li key=${label}>
    ${number > 0 && to ? html`<a href=${to}><span>${label}</span><span>${count(number)}</span></a>`
    : html`<span class="nothing"><span>${label}</span><span>${count(number)}</span></span>`}</li>`)}</ul>`;
}
