// A single thing of the API, read again in place whenever records may have changed.

import { useEffect, useState } from "../vendor/preact.js";
import { ask, isAborted } from "./api.js";

export function useResource(path, version = 0) {
  const [found, setFound] = useState({ path: null, value: null, problem: null });
  const [attempts, setAttempts] = useState(0);
  useEffect(() => {
    if (!path) return undefined;
    const controller = new AbortController();
    const { signal } = controller;
    ask(path, { signal }).then(
      (value) => !signal.aborted && setFound({ path, value, problem: null }),
      (problem) => !signal.aborted && !isAborted(problem) && setFound((before) => ({
        path, value: before.path === path ? before.value : null, problem,
      })),
    );
    return () => controller.abort();
  }, [path, version, attempts]);
  const current = found.path === path ? found : { value: null, problem: null };
  return { ...current, retry: () => setAttempts(attempts + 1) };
}
