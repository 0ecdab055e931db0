// What can be done about a CRM: connect, sync, cancel, disconnect with or without its data.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { ask } from "../data/api.js";
import { refresh } from "../data/refreshing.js";
import { READ_ONLY, SENTENCES, fill, text } from "../data/server_data.js";
import { announce, showRun } from "../data/store.js";
import { Dialog } from "../parts/dialog.js";

// Do one thing at a time: a second click while the first is under way does nothing.
function useAction() {
  const busy = useRef(false);
  const [doing, setDoing] = useState(null);
  const end = () => setDoing((busy.current = false) || null);
  // A page that comes back by the browser's Back button is as it was left: with a click under way.
  useEffect(() => {
    addEventListener("pageshow", end);
    return () => removeEventListener("pageshow", end);
  }, []);
  async function act(name, work) {
    if (busy.current) return;
    busy.current = true;
    setDoing(name);
    let leaves = false;
    try {
      leaves = await work();
    } catch (problem) {
      announce(problem.message);
    }
    if (leaves) return;
    await refresh();
    end();
  }
  return [doing, act];
}

export function CrmActions({ crm, name }) {
  const [doing, act] = useAction();
  const [asking, setAsking] = useState(false);
  const [host, setHost] = useState("");
  const path = `/api/integrations/${crm.provider}`;
  if (READ_ONLY) return null;
  const active = crm.status === "active";
  const syncing = crm.current_run !== null || doing === "sync";

  const connect = (event) => {
    event.preventDefault();
    act("connect", () => startConnecting(path, host, name));
  };
  const sync = () => act("sync", async () => showRun(await ask(`${path}/sync`, { method: "POST" })));
  const disconnect = (purge) => act("disconnect", async () => {
    setAsking(false);
    await ask(`${path}${purge ? "?purge=true" : ""}`, { method: "DELETE" });
    announce(text(purge ? "data_deleted" : "data_kept", { crm: name }), "good");
  });

  return html`<div class="actions">
    ${!active && crm.configured && html`<form onSubmit=${connect}>
      <button class="primary" aria-disabled=${doing !== null}>
        ${`Connect ${name}${crm.status === "not_connected" ? "" : " again"}`}</button>
      ${crm.chooses_login_host && html`<${LoginHost} host=${host} setHost=${setHost} />`}
    </form>`}
    ${active && html`<button type="button" class="primary wide-button" id=${`sync-${crm.provider}`}
      aria-disabled=${syncing || doing !== null} onClick=${() => !syncing && sync()}>
      ${syncing ? "Syncing …" : "Sync now"}</button>`}
    ${crm.status !== "not_connected" && html`<button type="button" onClick=${() => setAsking(true)}>
      ${crm.status === "disconnected" ? "Delete its data …" : "Disconnect …"}</button>`}
    ${asking && html`<${DisconnectDialog} name=${name} disconnected=${crm.status === "disconnected"}
      onClose=${() => setAsking(false)} onConfirm=${disconnect} />`}
  </div>`;
}

// Elsewhere than what starts a sync: a second click there must not cancel it.
export function CancelSync({ provider, run }) {
  const [doing, act] = useAction();
  const cancel = () => act("cancel", async () => {
    await ask(`/api/integrations/${provider}/runs/${run.id}/cancel`, { method: "POST" });
    document.getElementById(`sync-${provider}`)?.focus(); // this button goes with the run
  });
  return !READ_ONLY && html`
    <button type="button" class="link" aria-disabled=${doing !== null} onClick=${cancel}>Cancel the sync</button>`;
}

const LoginHost = ({ host, setHost }) => html`
  <details class="login-host"><summary>Use your own sign-in address</summary>
    <label>${text("login_host")}<input value=${host} onInput=${({ target }) => setHost(target.value)}
      autocomplete="off" spellcheck=${false} maxlength="2000" /></label></details>`;

// Asked by script, so that a host which is none of the CRM's is explained here and not on a page of JSON.
// Returns whether the browser leaves.
async function startConnecting(path, typed, name) {
  // No more of an address than its host goes on: the rest may hold a session.
  const [host] = typed.trim().match(/^([a-z]+:\/\/)?[^/?#]*/i);
  const query = host ? `?${new URLSearchParams({ login_host: host })}` : "";
  const { authorize_url: away } = await ask(`${path}/authorize${query}`, { method: "POST" });
  if (away !== null) location.assign(away);
  else announce(fill(SENTENCES.outcomes.already_connected, { crm: name }), "good");
  return away !== null;
}

function DisconnectDialog({ name, disconnected, onClose, onConfirm }) {
  const [purge, setPurge] = useState(disconnected);
  const purged = text("purge", { crm: name });
  const title = disconnected ? `Delete the data of ${name}?` : `Disconnect ${name}?`;
  const confirm = (event) => {
    event.preventDefault();
    onConfirm(purge);
  };
  return html`<${Dialog} title=${title} onClose=${onClose}><form onSubmit=${confirm}>
    ${disconnected ? html`<p>${purged}</p>` : html`<fieldset><legend>${text("disconnect")}</legend>
      <${Option} label="Keep the data" note=${text("keep")} checked=${!purge} choose=${() => setPurge(false)} />
      <${Option} label="Delete all data" note=${purged} checked=${purge} choose=${() => setPurge(true)} />
    </fieldset>`}
    <div class="buttons"><button type="button" onClick=${onClose}>Cancel</button>
      <button class=${purge ? "danger" : "primary"}>${purge ? "Delete all data" : "Disconnect"}</button></div>
  </form><//>`;
}

const Option = ({ label, note, checked, choose }) => html`<label class="option">
  <input type="radio" name="data" checked=${checked} onChange=${choose} />
  <span>${label}<span class="second">${note}</span></span></label>`;
