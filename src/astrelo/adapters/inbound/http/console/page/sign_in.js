// Signing in by the ticket that a link to this page carries behind #.

const FRAGMENT = "#sign-in=";
const CHANNEL = "astrelo-sign-in";

// Send the link's ticket to the server, once, if there is one; throw the server's problem when it is not good.
// Other tabs are loaded again: they would go on as the user whom they do not show.
export async function signInByLink(ask) {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = () => location.reload();
  // A link that is opened where the page is shown already changes the fragment alone.
  addEventListener("hashchange", () => location.hash.startsWith(FRAGMENT) && location.reload());
  if (!location.hash.startsWith(FRAGMENT)) return;
  const ticket = decodeURIComponent(location.hash.slice(FRAGMENT.length));
  history.replaceState(null, "", location.pathname); // neither history nor bookmarks keep it
  try {
    await ask("/app/sign-in", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ticket }),
    });
  } finally {
    channel.postMessage("changed");
  }
}
