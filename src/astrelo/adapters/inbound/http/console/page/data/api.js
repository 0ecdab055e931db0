// Requests to the API. A failure is always an ApiError with a sentence for people.

import { text } from "./server_data.js";

const NO_CONTENT = 204;
const UNAUTHORIZED = 401;

let refused = () => {};

// `action` is called whenever the server says that nobody is signed in.
export function onUnauthorized(action) {
  refused = action;
}

export class ApiError extends Error {
  // `status` is 0 where there was no answer at all.
  constructor(sentence, status, code = null) {
    super(sentence);
    this.status = status;
    this.code = code;
  }
}

export async function ask(path, { method = "GET", body, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sent = { method, headers, signal, credentials: "same-origin", body: body && JSON.stringify(body) };
  const response = await attempt(() => fetch(path, sent));
  if (response.status === NO_CONTENT) return null;
  const answer = await readJson(response);
  if (response.ok) return answer;
  if (response.status === UNAUTHORIZED) refused();
  throw new ApiError(problemText(answer), response.status, answer.code);
}

export const isAborted = (error) => error.name === "AbortError";

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (isAborted(error)) throw error;
    throw new ApiError(text("unreachable"), 0);
  }
}

// A proxy answers in our place with a page of its own: not JSON, whatever its status.
async function readJson(response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (!/^application\/([a-z.]+\+)?json/.test(type)) throw foreign(response);
  try {
    return await response.json();
  } catch (error) {
    if (isAborted(error)) throw error;
    throw foreign(response);
  }
}

function foreign(response) {
  return new ApiError(text("not_ours", { status: response.status }), response.ok ? 0 : response.status);
}

// The reason of a field's error is enough for people: the field's name and the action are for programs.
function problemText({ detail, title, action, errors = [] }) {
  const reasons = errors.map(({ reason }) => `${reason[0].toUpperCase()}${reason.slice(1)}.`);
  return reasons.join(" ") || [detail ?? title, action].filter(Boolean).join(" ");
}
