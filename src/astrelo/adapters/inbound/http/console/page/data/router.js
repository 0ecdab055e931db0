// The addresses of views, behind the #: `#/companies/ID`, `#/contacts?linked=false`.

import { useEffect, useState } from "../vendor/preact.js";

export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decodePart);
  const [name = "overview", ...further] = parts;
  return { name, parts: further, query: Object.fromEntries(new URLSearchParams(query)) };
}

export function href(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => (value ?? "") !== "");
  const search = new URLSearchParams(given).toString();
  return `#/${path}${search && `?${search}`}`;
}

// Another address without a step in the browser's history: typing must not fill it.
export function replacePath(path, query = {}) {
  history.replaceState(history.state, "", href(path, query));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute() {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const follow = () => setRoute(parse(location.hash));
    addEventListener("hashchange", follow);
    follow();
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

function decodePart(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
