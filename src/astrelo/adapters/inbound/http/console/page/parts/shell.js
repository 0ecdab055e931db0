// The frame of every view: navigation, and the title that gets the focus when the view changes.

import { html, useEffect, useRef } from "../vendor/preact.js";
import { href } from "../data/router.js";
import { READ_ONLY, text } from "../data/server_data.js";
import { Icon } from "./icons.js";

const VIEWS = { overview: "Overview", companies: "Companies", contacts: "Contacts", deals: "Deals" };

const NavLink = ({ name, current }) => html`<li>
  <a href=${href(name === "overview" ? "" : name)} aria-current=${name === current ? "page" : undefined}>
    <${Icon} name=${name} />${VIEWS[name]}</a></li>`;

export const Shell = ({ view, user, onSignOut, children }) => html`
  <a class="skip" href="#view-title" onClick=${skipToTitle}>Skip to the content</a>
  <header class=${onSignOut ? "side" : "side bare"}>
    <p class="brand"><img src="/app/data/icon.svg" alt="" width="24" height="24" />Astrelo</p>
    ${onSignOut && html`<nav aria-label="Views"><ul>
      ${Object.keys(VIEWS).map((name) => html`<${NavLink} key=${name} name=${name} current=${view} />`)}
    </ul></nav>`}
    <div class="side-end">
      ${user && !READ_ONLY && html`<p class="user">${text("signed_in_as", { user })}</p>`}
      ${!READ_ONLY && html`<a href="/schema"><${Icon} name="api" />API</a>`}
      ${onSignOut && html`<button type="button" class="plain" onClick=${onSignOut}>
        <${Icon} name="leave" />Sign out</button>`}
    </div>
  </header>
  <main class="main">
    ${READ_ONLY && user && html`<p class="read-only">${text("read_only", { user })}</p>`}
    ${children}
  </main>`;

// The address keeps the view: a # of its own would leave it.
function skipToTitle(event) {
  event.preventDefault();
  document.getElementById("view-title")?.focus();
}

export function Title({ children, back, aside }) {
  const title = useRef(null);
  useEffect(() => {
    document.title = `${title.current.textContent} · Astrelo`;
  });
  return html`<div class="title">
    ${back && html`<a class="back" href=${back.href}><${Icon} name="back" />${back.label}</a>`}
    <div class="title-row"><h1 id="view-title" ref=${title} tabindex="-1">${children}</h1>${aside}</div>
  </div>`;
}
