// Putting things on the page, and asking the API for them.

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

// What is wrong with a field is told by its reason alone: the field's name and the action are for programs.
function told({ detail, action, errors = [] }) {
  return errors.map(({ reason }) => `${reason[0].toUpperCase()}${reason.slice(1)}.`).join(" ") || `${detail} ${action}`;
}

export async function ask(path, options = {}) {
  const response = await fetch(path, { credentials: "same-origin", ...options });
  const body = response.status === 204 ? null : await response.json();
  if (response.ok) return body;
  if (response.status === 401) show(at("signed-in"), false);
  throw Object.assign(new Error(told(body)), { status: response.status });
}
