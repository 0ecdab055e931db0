// What stands where records will be, or cannot be: nothing yet, nothing at all, an error with a way on.

import { html } from "../vendor/preact.js";
import { Icon } from "./icons.js";

// The same request may well succeed later: there was no response, or one about the server's state.
const isTransient = ({ status }) => [0, 408, 429].includes(status) || status >= 500;

export const Problem = ({ problem, retry }) => html`<div class="problem" role="alert">
  <${Icon} name="alert" /><p>${problem.message}</p>
  ${retry && isTransient(problem) && html`<button type="button" onClick=${retry}>Try again</button>`}
</div>`;

export const Empty = ({ title, children }) => html`<div class="empty"><p class="empty-title">${title}</p>
  ${children && html`<p>${children}</p>`}</div>`;

// Instead of what is at none of the API's addresses any more; `back` leads to what there is.
export const Missing = ({ back, children }) => html`
  <${Empty} title=${children}><a href=${back.href}>${back.label}</a><//>`;

export const isMissing = (problem) => problem?.status === 404;

// Lines as high as what they stand for, so that nothing moves when it arrives.
export const Lines = ({ lines = 3, label = "Loading" }) => html`<div class="lines" role="status">
  <span class="sr-only">${label}</span>
  ${Array.from({ length: lines }, (_, at) => html`<span key=${at} class="line"></span>`)}</div>`;
