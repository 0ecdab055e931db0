// The view of one record: its name, the way to it at its CRM, two columns of sections.

import { html } from "../vendor/preact.js";
import { text } from "../data/server_data.js";
import { OpenInCrm } from "./marks.js";
import { Title } from "./shell.js";
import { Lines, Missing, Problem, isMissing } from "./states.js";

// Until the record is there its `kind` is its title. `title` and `subtitle` are made of the record.
export function RecordView({ resource: { value, problem, retry }, back, kind, title, subtitle, left, right }) {
  if (isMissing(problem)) {
    return html`<${Title} back=${back}>${kind}<//><${Missing} back=${back}>${text("missing_record")}<//>`;
  }
  if (problem && !value) {
    return html`<${Title} back=${back}>${kind}<//><${Problem} problem=${problem} retry=${retry} />`;
  }
  const way = value && html`<${OpenInCrm} record=${value} />`;
  return html`<${Title} back=${back} aside=${way}>${value ? title(value) : kind}<//>
    <p class="subtitle">${value ? subtitle(value) : " "}</p>
    <div class="columns"><div>${left}</div><div>${right}</div></div>`;
}

// What is made of a resource: lines of the same height before it is there. Its element stays, so that what
// arrives late comes where it belongs and not after its neighbours.
export const Loaded = ({ resource, lines, show }) => html`<div class="loaded">
  ${resource.value ? show(resource.value) : html`<${Waiting} ...${resource} lines=${lines} />`}</div>`;

const Waiting = ({ problem, retry, lines }) => (problem
  ? html`<${Problem} problem=${problem} retry=${retry} />` : html`<${Lines} lines=${lines} />`);
