// What stands where records will be, or cannot be: nothing yet, nothing at all, an error with a way on.

import { html } from "../vendor/preact.js";
import { Icon } from "./icons.js";

export const Problem = ({ problem, retry }) => html`<div class="problem" role="alert">
  <${Icon} name="alert" /><p>${problem.message}</p>
  ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
</div>`;

export const Empty = ({ title, children }) => html`<div class="empty"><p class="empty-title">${title}</p>
  ${children && html`<p>${children}</p>`}</div>`;

// Lines as high as what they stand for, so that nothing moves when it arrives.
export const Lines = ({ lines = 3, label = "Loading" }) => html`<div class="lines" role="status">
  <span class="sr-only">${label}</span>
  ${Array.from({ length: lines }, (_, at) => html`<span key=${at} class="line"></span>`)}</div>`;
