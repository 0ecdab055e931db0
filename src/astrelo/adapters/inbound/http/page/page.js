// Signing in, and looking again and again how the user's CRMs stand.

import { CompanyList } from "./companies.js";
import { CrmCard } from "./crm_card.js";
import { announce, ask, at, show } from "./elements.js";

const BUSY_MS = 1000;
const IDLE_MS = 5000;
const LABELS = JSON.parse(document.body.dataset.labels);

const ERRORS = {
  oauth_state_invalid: "This sign-in was not started in this browser, or was used already. Start connecting again.",
  oauth_state_expired: "The sign-in took longer than ten minutes. Start connecting again.",
  oauth_denied: "The permission was not given. Connect again and allow the access.",
  oauth_failed: "The CRM did not complete the sign-in. Try again in a moment.",
  oauth_scope_missing: "Not all permissions were given. Connect again and grant every one that is asked for.",
  oauth_account_mismatch: "That is another account than the connected one. Nothing was changed: choose the connected account.",
  sign_in_link_used: "That sign-in link was used already, or is too old.",
  oauth_not_configured: "That CRM is not set up on this server. Its client credentials are missing.",
};

const cards = new Map();
const companies = new CompanyList(LABELS);
let timer;

async function attempt(work) {
  try {
    announce(null);
    await work();
  } catch (problem) {
    announce(problem.message);
  }
  await refresh();
}

function cardOf(provider) {
  if (!cards.has(provider)) {
    const card = new CrmCard(provider, LABELS, attempt);
    cards.set(provider, card);
    at("crms").append(card.root);
  }
  return cards.get(provider);
}

async function draw() {
  const { data } = await ask("/api/integrations");
  const crms = data.filter((crm) => crm.configured || crm.status !== "not_connected");
  show(at("sign-in"), false);
  show(at("signed-in"), true);
  show(at("sign-out"), true);
  show(at("nothing"), crms.length === 0);
  await Promise.all([...crms.map((crm) => cardOf(crm.provider).draw(crm)), companies.draw(crms)]);
  return crms.some((crm) => crm.current_run !== null);
}

async function refresh() {
  clearTimeout(timer);
  let busy = false;
  try {
    busy = await draw();
  } catch (problem) {
    if (problem.status === 401) {
      show(at("sign-in"), true);
      show(at("sign-out"), false);
      return;
    }
    announce(problem.message || "The server does not answer; trying again.");
  }
  timer = setTimeout(refresh, busy ? BUSY_MS : IDLE_MS);
}

function announceLanding() {
  const query = new URLSearchParams(location.search);
  if (query.has("error")) announce(ERRORS[query.get("error")] ?? "Connecting did not work. Try again.");
  for (const [provider, label] of Object.entries(LABELS)) {
    if (query.has(`${provider}_connected`)) announce(`${label} is connected. Its records are on their way.`, true);
    if (query.has(`${provider}_already_connected`)) announce(`${label} was connected already.`, true);
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
at("sign-out").addEventListener("click", () => attempt(async () => {
  await ask("/app/session", { method: "DELETE" });
  location.reload(); // whoever signs in next sees nothing of this user's
}));

announceLanding();
refresh();
