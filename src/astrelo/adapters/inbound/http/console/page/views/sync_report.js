// One sync: what it read, what could not be read or kept, and the records that this is about.

import { html } from "../vendor/preact.js";
import { useResource } from "../data/resource.js";
import { href } from "../data/router.js";
import { SENTENCES, text } from "../data/server_data.js";
import { Section } from "../parts/facts.js";
import { Badge, Time } from "../parts/marks.js";
import { Title } from "../parts/shell.js";
import { Loaded } from "../parts/record_view.js";
import { Missing, isMissing } from "../parts/states.js";
import { count, sum } from "../words/format.js";
import { crmName, fieldName } from "../words/names.js";
import { sentence } from "./crm_card.js";

const BACK = { href: href(""), label: "Overview" };
const FATES = Object.entries({
  Repeated: "repeats",
  New: "inserted",
  Updated: "updated",
  Unchanged: "unchanged",
  Stale: "stale",
  Rejected: "rejected",
});
const MOODS = { completed: "good", partial: "warn", failed: "bad", cancelled: "warn" };

export function SyncReport({ provider, id, version }) {
  const path = `/api/integrations/${encodeURIComponent(provider)}/runs/${encodeURIComponent(id)}`;
  const report = useResource(path, version);
  const unreadable = useResource(`${path}/unreadable`, version);
  if (isMissing(report.problem)) {
    return html`<${Title} back=${BACK}>Sync<//><${Missing} back=${BACK}>${text("missing_sync")}<//>`;
  }
  return html`<${Title} back=${BACK}>${`Sync of ${crmName(provider)}`}<//>
    <p class="subtitle">${report.value ? html`<${RunState} run=${report.value.run} />` : " "}</p>
    <${Loaded} resource=${report} lines=${10} show=${({ run, warnings, rejected_records: rejected }) => html`
      <div class="sections">
        <${Section} id="counts" title="What was read" note=${text("reconciliation")}>
          <${Counts} steps=${run.steps} /><//>
        <${Findings} run=${run} warnings=${warnings} unreadable=${unreadable} provider=${provider} />
        <div class="loaded">${rejected.length > 0 && html`<${Rejected} records=${rejected} />`}</div>
      </div>`} />`;
}

// Which warnings say something of their own is known with the list of what could not be read: both come together.
function Findings({ run, warnings, unreadable, provider }) {
  const show = ({ data: listed }) => html`
    <div class="loaded"><${Warnings} warnings=${warnings} listed=${listed} /></div>
    <div class="loaded">${listed.length > 0 && html`<${Unreadable} values=${listed} provider=${provider} />`}</div>`;
  const expected = warnings.length > 0 || run.steps.some((step) => sum(step.unreadable) > 0);
  return expected && html`<${Loaded} resource=${unreadable} lines=${6} show=${show} />`;
}

const RunState = ({ run }) => html`<${Badge} mood=${MOODS[run.status] ?? "accent"}>${run.status}<//>
  <span>${[SENTENCES.runs[run.status][0], sentence(run.reason) ?? SENTENCES.runs[run.status][1], run.action, ""]
    .filter((part) => part !== null).join(" ")}
    ${run.finished_at && html`Ended <${Time} at=${run.finished_at} />.`}</span>`;

const numberOf = (step, name) => count(name === "rejected" ? sum(step.rejected) : step[name]);

const fatesOf = (step) => FATES.map(([head, name]) => `${numberOf(step, name)} ${head.toLowerCase()}`).join(", ");

// Where there is no room for a column each, what became of the records stands below their name.
const Counts = ({ steps }) => html`<div class="table"><table class="counts">
  <thead><tr><th scope="col">Records</th><th scope="col" class="number">Read</th>
    ${FATES.map(([head]) => html`<th key=${head} scope="col" class="number room-m">${head}</th>`)}
    <th scope="col">Adds up</th></tr></thead>
  <tbody>${steps.map((step) => html`<tr key=${step.object_type}>
    <th scope="row">${step.object_type}<span class="fates">${fatesOf(step)}</span></th>
    <td class="number">${count(step.received)}</td>
    ${FATES.map(([head, name]) => html`<td key=${head} class="number room-m">${numberOf(step, name)}</td>`)}
    <td><${Badge} mood=${step.reconciled ? "good" : "bad"}>${step.reconciled ? "yes" : "no"}<//></td>
  </tr>`)}</tbody>
</table></div>`;

// Warnings about values that are listed with their records below say nothing more.
function Warnings({ warnings, listed }) {
  const repeated = listed.map(({ object_type: type, records }) => `${records} of the ${type} had `);
  const shown = warnings.filter((warning) => !repeated.some((beginning) => warning.startsWith(beginning)));
  return shown.length > 0 && html`<${Section} id="warnings" title="What deserves a look">
    <ul class="warnings">${shown.map((warning) => html`<li key=${warning}>${warning}</li>`)}</ul><//>`;
}

// The record's place here: the list of its kind, narrowed to it.
const recordLink = (type, provider, record) => href(type, { source: provider, external_id: record });

const Unreadable = ({ values, provider }) => html`
  <${Section} id="unreadable" title="Values that could not be read" note=${text("unreadable")}>
    ${values.map((each) => html`
      <${Field} key=${`${each.object_type} ${each.field} ${each.trouble}`} provider=${provider} ...${each} />`)}
  <//>`;

const Field = ({ provider, object_type: type, field, trouble, records, record_ids: ids }) => html`<details>
  <summary><span>${fieldName(field)} of ${type}</span><span class="second">${SENTENCES.troubles[trouble]}</span>
    <span class="number-mark">${count(records)}</span></summary>
  <ul class="record-ids">${ids.map((record) => html`
    <li key=${record}><a href=${recordLink(type, provider, record)}>${record}</a></li>`)}</ul>
  ${records > ids.length && html`
    <p class="note">${text("some_of", { shown: count(ids.length), all: count(records) })}</p>`}
</details>`;

const Rejected = ({ records }) => html`
<${Section} id="rejected" title="Records that could not be kept" note=${text("rejected")}>
  <ul class="reasons">${records.map(({ object_type: type, record_id: id, reason }, at) => html`<li key=${at}>
    <span class="reason-name">${type}</span><span class="reason-value">${id ?? "no id"}</span>
    <span class="source">${SENTENCES.rejections[reason]}</span></li>`)}</ul>
<//>`;
