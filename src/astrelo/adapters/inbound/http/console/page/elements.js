// Building the page's elements, and requests to the API.

export const at = (id) => document.getElementById(id);
export const count = (number) => number.toLocaleString("en");
export const sum = (counts) => Object.values(counts).reduce((total, number) => total + number, 0);

export function element(tag, content, attributes = {}) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...(Array.isArray(content) ? content : [content]));
  return made;
}

export function write(target, text) {
  // Unchanged text is left alone: assigning it would be read out again.
  if (target.textContent !== (text ?? "")) target.textContent = text ?? "";
  target.hidden = !text;
}

export function show(target, visible) {
  target.hidden = !visible;
}

export function announce(text, good = false) {
  at("banner").classList.toggle("good", good);
  write(at("banner"), text);
}

// The reason of a field's error is enough for people: the field's name and the action are for programs.
function problemText({ detail, action, errors = [] }) {
  return errors.map(({ reason }) => `${reason[0].toUpperCase()}${reason.slice(1)}.`).join(" ") || `${detail} ${action}`;
}

export async function ask(path, options = {}) {
  const response = await fetch(path, { credentials: "same-origin", ...options });
  const body = response.status === 204 ? null : await response.json();
  if (response.ok) return body;
  if (response.status === 401) show(at("signed-in"), false);
  throw Object.assign(new Error(problemText(body)), { status: response.status });
}
