// The state that all views share, and who is to be drawn again when it changes.

import { useEffect, useState } from "../vendor/preact.js";

const listeners = new Set();
let state = {
  signedIn: null, // null until the server has answered once
  user: null, // the id of the user whose data is shown
  crms: null,
  version: 0, // counts how often records may have changed
  problem: null, // why the CRMs could not be read
  notices: [],
  question: null, // { user, answer }: whether a sign-in link is to be used while a user is shown
};

export const current = () => state;

export function update(changes) {
  state = { ...state, ...changes };
  for (const listener of listeners) listener(state);
}

export function useShared() {
  const [shared, setShared] = useState(state);
  useEffect(() => {
    listeners.add(setShared);
    setShared(state);
    return () => listeners.delete(setShared);
  }, []);
  return shared;
}

// A run that goes on, from an event: the CRM's card alone changes.
export function showRun(run) {
  if (!state.crms) return;
  const draw = (crm) => (crm.provider === run.provider ? { ...crm, current_run: run } : crm);
  update({ crms: state.crms.map(draw) });
}

let notices = 0;

export function announce(message, mood = "bad") {
  const others = state.notices.filter((notice) => notice.message !== message);
  update({ notices: [...others, { id: ++notices, message, mood }] });
}

export function dismiss(id) {
  update({ notices: state.notices.filter((notice) => notice.id !== id) });
}
