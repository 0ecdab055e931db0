// Keeping the shared state as the server has it: by its events, and when the page or the server is back.

import { ask, onUnauthorized } from "./api.js";
import { LiveUpdates } from "./live.js";
import { text } from "./server_data.js";
import { announce, current, showRun, update } from "./store.js";

const RETRY_MS = 3000;

const live = new LiveUpdates((path) => new EventSource(path), showRun, refreshIn);
let timer = null;
let due = Infinity;
let reading = Promise.resolve();

// Read everything again in so many milliseconds, or earlier if that was asked for already.
export function refreshIn(milliseconds) {
  if (Date.now() + milliseconds >= due) return;
  clearTimeout(timer);
  due = Date.now() + milliseconds;
  timer = setTimeout(refresh, milliseconds);
}

// One after the other: an earlier state must not come out on top of a later one.
export function refresh() {
  due = Infinity;
  clearTimeout(timer);
  reading = reading.then(read);
  return reading;
}

async function read() {
  try {
    const [{ data }, { user_id: user }] = await Promise.all([ask("/api/integrations"), ask("/app/session")]);
    if (![null, user].includes(current().user)) return reloadForAnotherUser();
    const crms = data.filter((crm) => crm.configured || crm.status !== "not_connected");
    update({ signedIn: true, user, crms, problem: null, version: current().version + 1 });
    live.follow();
  } catch (problem) {
    if (problem.status === 401) return;
    update({ problem });
    refreshIn(RETRY_MS);
  }
}

// The next one to sign in must see nothing of what was there.
export function forget() {
  live.stop();
  update({ signedIn: false, user: null, crms: null, problem: null });
}

const ANOTHER_USER = "astrelo-another-user";

// Nothing of what was there may stay when somebody else is signed in.
export function reloadForAnotherUser() {
  sessionStorage.setItem(ANOTHER_USER, "true");
  location.reload();
}

function announceNewUser() {
  if (!sessionStorage.getItem(ANOTHER_USER)) return;
  sessionStorage.removeItem(ANOTHER_USER);
  const { user } = current();
  if (user) announce(text("signed_in_as", { user }), "good");
}

export function start() {
  onUnauthorized(forget);
  addEventListener("pagehide", () => live.stop());
  // Out of the browser's cache after Back, the page shows what it showed when it was left.
  addEventListener("pageshow", ({ persisted }) => persisted && refresh());
  addEventListener("online", () => refreshIn(0));
  refresh().then(announceNewUser);
}
