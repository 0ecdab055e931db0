// A list of the API that is read page by page. Of two requests the older one is aborted: no answer comes too late.

import { useEffect, useRef, useState } from "../vendor/preact.js";
import { ask, isAborted } from "./api.js";

const MAX_LIMIT = 100;
const EMPTY = {
  rows: null, total: null, cursor: null, problem: null, busy: true, adding: false, changed: false,
};

// `version` says when records may have changed: values of the shown rows are then read again in their place.
// Other rows than the shown ones would make the list jump: `changed` offers them instead.
export function useList(path, query, { version = 0, size = 25, counted = true } = {}) {
  const [list, setList] = useState(EMPTY);
  const now = useRef(list);
  const request = useRef(null);
  const first = (limit) => (counted ? { limit, count: "estimated" } : { limit });
  const key = `${path}?${new URLSearchParams(query)}`;

  const change = (changes) => setList((now.current = { ...now.current, ...changes }));

  async function read(parameters, apply) {
    request.current?.abort();
    const { signal } = (request.current = new AbortController());
    try {
      const page = await ask(`${path}?${new URLSearchParams({ ...query, ...parameters })}`, { signal });
      if (!signal.aborted) apply(page);
    } catch (problem) {
      if (!signal.aborted && !isAborted(problem)) change({ problem, busy: false, adding: false });
    }
  }

  function show(page) {
    const { data: rows, next_cursor: cursor, total = null } = page;
    change({ rows, cursor, total, problem: null, busy: false, adding: false, changed: false });
  }

  function add({ data, next_cursor: cursor }) {
    const known = new Set(now.current.rows.map(({ id }) => id));
    const rows = [...now.current.rows, ...data.filter(({ id }) => !known.has(id))];
    change({ rows, cursor, problem: null, adding: false });
  }

  // The first read of the shown rows again: in their place if they are the same ones.
  function compare(page) {
    const { rows } = now.current;
    if (!rows?.length || now.current.problem) return show(page);
    const same = page.data.length === Math.min(rows.length, MAX_LIMIT)
      && page.data.every(({ id }, at) => id === rows[at].id);
    if (!same) return change({ changed: true });
    const further = rows.slice(page.data.length);
    return change({ rows: [...page.data, ...further], total: page.total ?? null, changed: false });
  }

  const shownRows = () => Math.min(MAX_LIMIT, Math.max(size, now.current.rows?.length ?? 0));
  const reload = () => {
    change({ busy: true, problem: null });
    return read(first(shownRows()), show);
  };

  useEffect(() => {
    change({ ...EMPTY, rows: now.current.rows });
    read(first(size), show);
    return () => request.current?.abort();
  }, [key]);

  useEffect(() => {
    if (now.current.busy || now.current.adding) return;
    read(first(now.current.rows?.length ? Math.min(MAX_LIMIT, now.current.rows.length) : size), compare);
  }, [version]);

  const more = () => {
    if (now.current.busy || now.current.adding || !now.current.cursor) return;
    change({ adding: true, problem: null });
    read({ limit: size, cursor: now.current.cursor }, add);
  };
  return { ...list, more, reload };
}
