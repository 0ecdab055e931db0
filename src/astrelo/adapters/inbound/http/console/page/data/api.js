// Requests to the API. A failure is always an ApiError with a sentence for people.

import { text } from "./server_data.js";

const NO_CONTENT = 204;
export const UNAUTHORIZED = 401;

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
  const response = await attempt(() => takeTurn(() => fetch(path, sent), signal));
  if (response.status === NO_CONTENT) return null;
  const answer = await readJson(response);
  if (response.ok) return answer;
  if (response.status === UNAUTHORIZED) refused();
  throw new ApiError(problemText(answer), response.status, answer.code);
}

// A view asks for many things at once, and the server lets one user do only so much: the rest waits here.
const MAX_AT_ONCE = 4;
const waiting = [];
let underWay = 0;

async function takeTurn(work, signal) {
  if (underWay >= MAX_AT_ONCE) await new Promise((resolve) => { waiting.push(resolve); });
  else underWay += 1;
  try {
    signal?.throwIfAborted();
    return await work();
  } finally {
    // A turn goes straight to the next one that waits, so that no other gets in between.
    if (waiting.length) waiting.shift()();
    else underWay -= 1;
  }
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
