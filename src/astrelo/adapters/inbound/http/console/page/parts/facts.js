// A record's values, those it has: names on the left, values on the right.

import { html } from "../vendor/preact.js";

export function Facts({ facts }) {
  const known = facts.filter(([, value]) => (value ?? "") !== "");
  return html`<dl class="facts">${known.map(([name, value]) => html`
    <div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export const Section = ({ id, title, note, children }) => html`<section class="section" aria-labelledby=${id}>
  <h2 id=${id}>${title}</h2>
  ${note && html`<p class="note">${note}</p>`}
  ${children}
</section>`;
