// Short messages over the page: they take no room from it. Errors stay until they are dismissed.

import { html, useEffect } from "../vendor/preact.js";
import { dismiss } from "../data/store.js";
import { Icon } from "./icons.js";

const GOOD_NEWS_MS = 12_000;

function Notice({ id, message, mood }) {
  useEffect(() => {
    if (mood !== "good") return undefined;
    const timer = setTimeout(() => dismiss(id), GOOD_NEWS_MS);
    return () => clearTimeout(timer);
  }, []);
  return html`<div class=${`notice ${mood}`} role=${mood === "good" ? "status" : "alert"}>
    <${Icon} name=${mood === "good" ? "check" : "alert"} />
    <p>${message}</p>
    <button type="button" class="plain" aria-label="Dismiss this message" onClick=${() => dismiss(id)}>
      <${Icon} name="close" /></button>
  </div>`;
}

// Why the state on the page may be old, as long as that is so.
const Connection = ({ problem }) => html`<div class="notice bad" role="alert">
  <${Icon} name="alert" /><p>${problem.message}</p></div>`;

export const Notices = ({ notices, problem }) => html`<section class="notices" aria-label="Messages">
  ${problem && html`<${Connection} key="connection" problem=${problem} />`}
  ${notices.map((notice) => html`<${Notice} key=${notice.id} ...${notice} />`)}
</section>`;
