// Signing in, and drawing how the user's CRMs stand, whenever it changes.

import { CompanyList } from "./companies.js";
import { CrmCard } from "./crm_card.js";
import { announce, ask, at, show } from "./elements.js";
import { landingNews } from "./landing.js";
import { LiveUpdates } from "./live.js";
import { signInByLink } from "./sign_in.js";

const RETRY_MS = 5000;
const LABELS = JSON.parse(document.body.dataset.labels);
const SENTENCES = JSON.parse(document.body.dataset.sentences);

const cards = new Map();
const companies = new CompanyList(LABELS);
const live = new LiveUpdates((path) => new EventSource(path), (run) => cards.get(run.provider)?.drawRun(run), redraw);
let timer = null;
let due = Infinity;
let drawing = Promise.resolve();
let failed = false;

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
    const card = new CrmCard(provider, LABELS, SENTENCES, attempt);
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
}

// Draw everything again in so many milliseconds, or earlier if that was asked for already.
function redraw(milliseconds) {
  if (Date.now() + milliseconds >= due) return;
  clearTimeout(timer);
  due = Date.now() + milliseconds;
  timer = setTimeout(refresh, milliseconds);
}

// One after the other: an earlier state must not come out on top of a later one.
function refresh() {
  due = Infinity;
  clearTimeout(timer);
  drawing = drawing.then(drawAgain);
  return drawing;
}

async function drawAgain() {
  try {
    await draw();
    if (failed) announce(null);
    failed = false;
    live.follow();
  } catch (problem) {
    if (problem.status === 401) {
      live.stop();
      show(at("sign-in"), true);
      show(at("sign-out"), false);
      return;
    }
    failed = true;
    // Without a status there was no answer: the browser's own words for that help nobody.
    announce(problem.status ? problem.message : "The server does not respond. Your data is safe. Trying again …");
    redraw(RETRY_MS);
  }
}

function announceLanding() {
  const query = new URLSearchParams(location.search);
  const news = landingNews(query, LABELS, SENTENCES);
  if (news) announce(news.text, news.good);
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
  location.reload(); // the next user to sign in sees nothing of this one's
}));

signInByLink(ask).then(announceLanding, (problem) => announce(problem.message)).then(refresh);
