// Signing in: by a token, or by a link that is made elsewhere.

import { html, useState } from "../vendor/preact.js";
import { UNAUTHORIZED, ask } from "../data/api.js";
import { refresh, reloadForAnotherUser } from "../data/refreshing.js";
import { READ_ONLY, text } from "../data/server_data.js";
import { update } from "../data/store.js";
import { Dialog } from "../parts/dialog.js";
import { Title } from "../parts/shell.js";

export const SignIn = () => html`<div class="sign-in">
  <${Title}>Sign in<//>
  <p class="note">${text(READ_ONLY ? "sign_in_link" : "sign_in_token")}</p>
  ${!READ_ONLY && html`<${TokenForm} />`}
</div>`;

function TokenForm() {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    try {
      await ask("/app/session", { method: "POST", body: { token: token.trim() } });
      setToken("");
      await refresh();
    } catch (failed) {
      setProblem(failed.message);
    }
  };
  return html`<form onSubmit=${submit}>
    <label>Token<input type="password" name="token" value=${token} autocomplete="off" required
      aria-describedby=${problem ? "sign-in-problem" : undefined} aria-invalid=${problem ? "true" : undefined}
      onInput=${({ target }) => setToken(target.value)} /></label>
    ${problem && html`<p id="sign-in-problem" class="field-problem" role="alert">${problem}</p>`}
    <button class="primary">Sign in</button>
  </form>`;
}

const FRAGMENT = "#sign-in=";

// Use the ticket of a sign-in link. It lies behind the # of the address, where no server and no link scanner sees it.
// Any site can open such an address: it changes the user, or signs them out, only when that is confirmed.
export async function signInByLink() {
  const others = new BroadcastChannel("astrelo-sign-in");
  others.onmessage = reloadForAnotherUser; // another tab must not go on as a user whom it does not show
  addEventListener("hashchange", () => location.hash.startsWith(FRAGMENT) && location.reload());
  if (!location.hash.startsWith(FRAGMENT)) return;
  const ticket = decodeURIComponent(location.hash.slice(FRAGMENT.length));
  history.replaceState(null, "", location.pathname); // neither history nor bookmarks keep it
  const user = await signedInUser();
  if (user && !await isConfirmed(user)) return;
  try {
    await ask("/app/sign-in", { method: "POST", body: { ticket } });
  } finally {
    others.postMessage("signed in");
  }
}

async function signedInUser() {
  try {
    return (await ask("/app/session")).user_id;
  } catch (problem) {
    if (problem.status === UNAUTHORIZED) return null;
    throw problem;
  }
}

const isConfirmed = (user) => new Promise((resolve) => {
  const answer = (confirmed) => {
    update({ question: null });
    resolve(confirmed);
  };
  update({ question: { user, answer } });
});

export function LinkQuestion({ user, answer }) {
  const confirm = (event) => {
    event.preventDefault();
    answer(true);
  };
  const stay = () => answer(false);
  return html`<${Dialog} title="Open the sign-in link?" onClose=${stay}><form onSubmit=${confirm}>
    <p>${text("link_question", { user })}</p>
    <div class="buttons"><button type="button" onClick=${stay}>Stay</button>
      <button class="primary">Open the link</button></div>
  </form><//>`;
}

export async function signOut() {
  await ask("/app/session", { method: "DELETE" });
  location.replace("/app"); // the next one to sign in sees nothing of what was there
}
