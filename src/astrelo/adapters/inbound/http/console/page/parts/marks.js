// Small marks beside records: the CRMs that know one, a state, the way to it at its CRM.

import { html } from "../vendor/preact.js";
import { fullTime, moment } from "../words/format.js";
import { crmName } from "../words/names.js";
import { Icon } from "./icons.js";

export const Badge = ({ mood = "", children }) => html`<span class=${`badge ${mood}`}>${children}</span>`;

// One mark per CRM, with the number of its records when there are several.
export function Sources({ record }) {
  const numbers = new Map();
  const sources = record.sources?.length ? record.sources : [record];
  for (const { external_source: crm } of sources) numbers.set(crm, (numbers.get(crm) ?? 0) + 1);
  return html`<span class="marks">${[...numbers].map(([crm, number]) => html`
    <span key=${crm} class="mark">${crmName(crm)}${number > 1 ? ` × ${number}` : ""}</span>`)}</span>`;
}

export const OpenInCrm = ({ record }) => record.external_url && html`
  <a class="button" href=${record.external_url} target="_blank" rel="noreferrer">Open in ${crmName(record.external_source)}<${Icon} name="out" /></a>`;

export const Time = ({ at }) => html`
  <time datetime=${at} title=${fullTime(at)}>${moment(at)}</time>`;

export const Archived = ({ record }) => record.archived_at && html`<${Badge} mood="warn">Gone at the CRM<//>`;
