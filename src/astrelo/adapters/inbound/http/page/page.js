"use strict";

const CRM = "/api/integrations/hubspot";
const BUSY_MS = 1000;
const IDLE_MS = 5000;
const TYPES = ["companies", "contacts", "deals"];

const ERRORS = {
  oauth_state_invalid: "This sign-in was not started in this browser, or was used already. Start connecting again.",
  oauth_state_expired: "The sign-in took longer than ten minutes. Start connecting again.",
  oauth_denied: "The permission was not given. Connect again and allow the access.",
  oauth_failed: "HubSpot did not complete the sign-in. Try again in a moment.",
  oauth_scope_missing: "Not all permissions were given. Connect again and grant every one that is asked for.",
  oauth_account_mismatch: "That is another HubSpot account than the connected one. Nothing was changed: choose the connected account.",
  sign_in_link_used: "That sign-in link was used already, or is too old.",
  oauth_not_configured: "HubSpot is not set up on this server. Its client credentials are missing.",
};

const STATUS = {
  active: ["Connected", "good"],
  needs_reauthorization: ["Needs your permission again", "bad"],
  disconnected: ["Disconnected", "warn"],
  not_connected: ["Not connected", ""],
};

const UNLINKED = {
  no_email: "No e-mail address",
  invalid_email: "Unreadable e-mail address",
  free_mail: "Free mail or another shared domain",
  no_company: "No company with that domain",
};

const RUN = {
  queued: "Waiting for a worker.",
  running: "Reading HubSpot and writing to the database.",
  parked: "Paused.",
  completed: "Completed.",
  partial: "Done, but not everything was permitted.",
  failed: "Stopped by an error.",
  cancelled: "Cancelled.",
};

const at = (id) => document.getElementById(id);
const count = (number) => number.toLocaleString("en");
const sum = (counts) => Object.values(counts).reduce((total, number) => total + number, 0);
let timer;
let reportedRun;

function element(tag, content, attributes = {}) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...(Array.isArray(content) ? content : [content]));
  return made;
}

// Reasons are clauses, some with a full stop.
function sentence(reason) {
  const text = reason?.replace(/^hubspot\b/, "HubSpot").replace(/\.$/, "");
  return text && `${text[0].toUpperCase()}${text.slice(1)}.`;
}

function say(id, text) {
  const target = at(id);
  // Unchanged text is left alone: assigning it would be read out again.
  if (target.textContent !== (text ?? "")) target.textContent = text ?? "";
  target.hidden = !text;
}

function show(id, visible) {
  at(id).hidden = !visible;
}

function announce(text, good = false) {
  at("banner").classList.toggle("good", good);
  say("banner", text);
}

async function ask(path, options = {}) {
  const response = await fetch(path, { credentials: "same-origin", ...options });
  const body = response.status === 204 ? null : await response.json();
  if (response.ok) return body;
  if (response.status === 401) show("signed-in", false);
  throw Object.assign(new Error(`${body.detail} ${body.action}`), { status: response.status });
}

async function attempt(work) {
  try {
    announce(null);
    await work();
  } catch (problem) {
    announce(problem.message);
  }
  await refresh();
}

function drawConnection(crm) {
  const [label, mood] = STATUS[crm.status];
  say("status", label);
  at("status").className = `badge ${mood}`;
  say("account", crm.account_name ? `${crm.account_name} · account ${crm.account_id}` : null);
  say("reason", sentence(crm.reason));
  say("action", crm.configured ? crm.action : ERRORS.oauth_not_configured);
  const active = crm.status === "active";
  const open = crm.current_run !== null;
  at("connect").textContent = crm.status === "not_connected" ? "Connect HubSpot" : "Connect HubSpot again";
  show("connect", crm.configured && !active);
  show("sync", active && !open);
  show("cancel", open);
  show("disconnect", active || crm.status === "needs_reauthorization");
}

function drawProgress(run) {
  show("progress", run !== null);
  if (run === null) return;
  say("run-state", [RUN[run.status], sentence(run.reason), run.action].filter(Boolean).join(" "));
  const byType = Object.fromEntries(run.steps.map((step) => [step.object_type, step]));
  at("bars").replaceChildren(...TYPES.filter((type) => byType[type]).map((type) => bar(byType[type])));
}

function bar(step) {
  const label = `${step.object_type}: ${step.status}`;
  const progress = element("progress", "", { "aria-label": label });
  if (step.status === "completed") progress.value = progress.max = 1;
  else if (step.expected_total) {
    progress.max = step.expected_total;
    progress.value = Math.min(step.distinct, step.expected_total);
  } else if (step.status === "pending") progress.value = 0;
  const of = step.expected_total ? ` of ${count(step.expected_total)}` : "";
  return element("div", [
    element("span", step.object_type),
    progress,
    element("output", `${count(step.distinct)}${of} · ${step.status}`),
  ], { class: "bar" });
}

function drawCounts(crm) {
  const { companies, contacts, deals, owners } = crm.counts;
  show("counts", crm.status !== "not_connected");
  at("tiles").replaceChildren(
    tile("Companies", companies.entities, `from ${count(companies.records)} records`),
    tile("Contacts", contacts.total, `${count(sum(contacts.linked))} linked to a company`),
    tile("Deals", deals.total, `${count(deals.linked)} linked to a company`),
    tile("Owners", owners, "of your own team"),
  );
  const unlinked = Object.entries(contacts.unlinked).filter(([, number]) => number > 0);
  show("unlinked", unlinked.length > 0);
  at("unlinked-rows").replaceChildren(...unlinked.map(([reason, number]) => element("tr", [
    element("td", UNLINKED[reason]), element("td", count(number), { class: "number" }),
  ])));
}

function tile(name, number, note) {
  return element("div", [element("dt", name), element("dd", count(number)), element("dd", note)]);
}

async function drawCertificate(run) {
  show("certificate", run !== null);
  const key = run && `${run.id} ${run.status} ${run.finished_at}`;
  if (run === null || key === reportedRun) return;
  const report = await ask(`${CRM}/runs/${run.id}`);
  reportedRun = key;
  const ended = run.finished_at ? `Ended ${new Date(run.finished_at).toLocaleString()}.` : "";
  say("certificate-state", [RUN[run.status], ended, sentence(run.reason), run.action].filter(Boolean).join(" "));
  const byType = Object.fromEntries(run.steps.map((step) => [step.object_type, step]));
  at("certificate-rows").replaceChildren(
    ...TYPES.filter((type) => byType[type]).map((type) => certificateRow(byType[type])),
  );
  at("warnings").replaceChildren(...report.warnings.map((warning) => element("li", warning)));
}

function certificateRow(step) {
  const numbers = [step.received, step.repeats, step.inserted, step.updated, step.unchanged, step.stale,
    sum(step.rejected)];
  return element("tr", [
    element("th", step.object_type, { scope: "row" }),
    ...numbers.map((number) => element("td", count(number), { class: "number" })),
    element("td", step.certified ? "yes" : "no", { class: step.certified ? "good" : "bad" }),
  ]);
}

async function refresh() {
  clearTimeout(timer);
  let wait = IDLE_MS;
  try {
    const crm = await ask(CRM);
    show("sign-in", false);
    show("signed-in", true);
    show("sign-out", true);
    drawConnection(crm);
    drawProgress(crm.current_run);
    drawCounts(crm);
    await drawCertificate(crm.last_run);
    if (crm.current_run) wait = BUSY_MS;
  } catch (problem) {
    if (problem.status === 401) {
      show("sign-in", true);
      show("sign-out", false);
      return;
    }
    announce(problem.message || "The server does not answer; trying again.");
  }
  timer = setTimeout(refresh, wait);
}

function announceLanding() {
  const query = new URLSearchParams(location.search);
  if (query.has("error")) {
    announce(ERRORS[query.get("error")] ?? "Connecting did not work. Try again.");
  } else if (query.has("hubspot_connected")) {
    announce("HubSpot is connected. Its records are on their way.", true);
  } else if (query.has("hubspot_already_connected")) {
    announce("HubSpot was connected already.", true);
  }
  if (query.size) history.replaceState(null, "", location.pathname);
}

at("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const token = at("token").value.trim();
    at("token").value = "";
    await ask("/app/session", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }),
    });
  });
});
at("sign-out").addEventListener("click", () => attempt(() => ask("/app/session", { method: "DELETE" })));
at("sync").addEventListener("click", () => attempt(() => ask(`${CRM}/sync`, { method: "POST" })));
at("cancel").addEventListener("click", () => attempt(async () => {
  const crm = await ask(CRM);
  if (crm.current_run) await ask(`${CRM}/runs/${crm.current_run.id}/cancel`, { method: "POST" });
}));
at("disconnect").addEventListener("click", () => {
  if (confirm("Disconnect HubSpot? The records stay here, but are no longer refreshed.")) {
    attempt(() => ask(CRM, { method: "DELETE" }));
  }
});

announceLanding();
refresh();
