// Reads all companies page by page, requests a sync and follows it to its end, reads the change feed, and says what each
// problem asks for.
//
// ASTRELO_API_URL and ASTRELO_TOKEN say where and as whom; the last line of its output is a JSON summary.
// schema.d.ts is generated from the API's OpenAPI document: `make client`.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Problem = components["schemas"]["Problem"];
type Company = components["schemas"]["CompanyView"];
type Change = components["schemas"]["ChangesPage"]["data"][number];
type Provider = components["schemas"]["Provider"];
type RunReport = components["schemas"]["RunReport"];
type RunStatus = components["schemas"]["RunStatus"];

type Remedy = "correct" | "sign in" | "connect" | "retry later" | "ask for less" | "read again" | "begin anew" | "grant" | "contact us" | "call the operator";

const POLL_MILLISECONDS = 1000;
const ATTEMPTS = 3;

class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail} ${problem.action}`);
  }
}

const client = createClient<paths>({
  baseUrl: setting("ASTRELO_API_URL"),
  headers: { Authorization: `Bearer ${setting("ASTRELO_TOKEN")}` },
});

/** Says what a problem asks for. A code that the API gains is a compile error here. */
function remedy(code: Problem["code"]): Remedy {
  switch (code) {
    case "invalid_input":
    case "idempotency_key_reused":
    case "invalid_cursor":
    case "unknown_parameter":
    case "malformed_request":
    case "not_found":
    case "method_not_allowed":
    case "body_too_large":
    case "unsupported_media_type":
    case "cross_site_request":
    case "read_only_session":
      return "correct";
    case "sign_in_link_invalid":
    case "unauthorized":
      return "sign in";
    case "reauthorization_required":
    case "not_connected":
    case "grant_rejected":
    case "oauth_account_mismatch":
    case "oauth_denied":
    case "oauth_failed":
    case "oauth_scope_missing":
    case "oauth_state_expired":
    case "oauth_state_invalid":
      return "connect";
    case "crm_permission_missing":
      return "grant";
    case "account_busy":
    case "idempotency_key_in_use":
    case "crm_rate_limited":
    case "crm_unavailable":
    case "request_timeout":
    case "store_unavailable":
    case "streams_exhausted":
    case "too_many_requests":
    case "too_many_streams":
      return "retry later";
    case "headers_too_large":
    case "limit_reached":
    case "too_slow":
      return "ask for less";
    case "cursor_expired":
      return "begin anew";
    case "invalid_state":
    case "run_taken_over":
      return "read again";
    case "oauth_not_configured":
    case "preflight_refused":
    case "provider_not_configured":
    case "webhook_rejected":
      return "call the operator";
    case "crm_misconfigured":
    case "crm_rejected":
    case "internal_error":
    case "secret_unreadable":
      return "contact us";
    default: {
      const unknown: never = code;
      throw new Error(`The API returned a code that this client does not know: ${String(unknown)}`);
    }
  }
}

function isUnderWay(status: RunStatus): boolean {
  switch (status) {
    case "queued":
    case "running":
    case "parked":
      return true;
    case "completed":
    case "partial":
    case "failed":
    case "cancelled":
      return false;
    default: {
      const unknown: never = status;
      throw new Error(`A sync has a status that this client does not know: ${String(unknown)}`);
    }
  }
}

/** Sends a request, again after Retry-After where a problem passes by itself. Throws ApiError for any other problem. */
async function send<T>(request: () => Promise<{ data?: T; error?: Problem; response: Response }>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const { data, error, response } = await request();
    if (data !== undefined) return data;
    if (error === undefined) throw new Error(`HTTP ${response.status} without a problem document`);
    if (remedy(error.code) !== "retry later" || attempt === ATTEMPTS) throw new ApiError(error);
    await pause(1000 * Number(response.headers.get("Retry-After") ?? attempt));
  }
}

async function* listCompanies(limit: number): AsyncGenerator<Company> {
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor?: string } = cursor === null ? { limit } : { limit, cursor };
    const page: components["schemas"]["CompanyPage"] = await send(() =>
      client.GET("/api/companies", { params: { query } }),
    );
    yield* page.data;
    cursor = page.next_cursor;
  } while (cursor !== null);
}

async function sync(provider: Provider, onProgress: (received: number) => void): Promise<RunReport> {
  const key = crypto.randomUUID(); // Sent again after an error, the request is not carried out twice.
  const { id } = await send(() =>
    client.POST("/api/integrations/{provider}/sync", {
      params: { path: { provider }, query: { mode: "incremental" }, header: { "Idempotency-Key": key } },
    }),
  );
  for (;;) {
    const report = await send(() =>
      client.GET("/api/integrations/{provider}/runs/{run_id}", { params: { path: { provider, run_id: id } } }),
    );
    onProgress(report.run.steps.reduce((sum, step) => sum + step.received, 0));
    if (!isUnderWay(report.run.status)) return report;
    await pause(POLL_MILLISECONDS);
  }
}

/** Reads all that is there and what has changed meanwhile. What goes on from here keeps `next_cursor` with its copy. */
async function* readChanges(): AsyncGenerator<Change> {
  let after: string | undefined;
  for (;;) {
    const query: { limit: number; after?: string } = after === undefined ? { limit: 1000 } : { limit: 1000, after };
    const page: components["schemas"]["ChangesPage"] = await send(() => client.GET("/api/changes", { params: { query } }));
    yield* page.data;
    if (!page.has_more) return;
    after = page.next_cursor;
  }
}

/** Names a change's record; null when the record is gone. A record type that the feed gains is a compile error here. */
function nameOf(change: Change): string | null {
  if (change.data === null) return null;
  switch (change.type) {
    case "companies":
      return change.data.company_name ?? change.data.domain ?? change.id;
    case "contacts":
    case "owners":
      return change.data.email ?? change.id;
    case "deals":
      return change.data.name ?? change.id;
    default: {
      const unknown: never = change;
      throw new Error(`A change has a type that this client does not know: ${String(unknown)}`);
    }
  }
}

/** Asks for a company that there is not, for the problem that the API returns. */
async function problemOfUnknownCompany(): Promise<Problem["code"]> {
  const { error } = await client.GET("/api/companies/{company_id}", {
    params: { path: { company_id: "00000000-0000-4000-8000-000000000000" } },
  });
  if (error === undefined) throw new Error("There is such a company");
  return error.code;
}

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`Set ${name}`);
  return value;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function main(): Promise<void> {
  const ids = new Set<string>();
  for await (const company of listCompanies(10)) ids.add(company.id);
  const report = await sync("hubspot", (received) => console.log(`${received} records received`));
  let changes = 0;
  for await (const change of readChanges()) {
    changes++;
    console.log(`${change.type} ${change.change}: ${nameOf(change) ?? change.reason}`);
  }
  const problem = await problemOfUnknownCompany();
  console.log(
    JSON.stringify({
      companies: ids.size,
      changes,
      run: report.run.status,
      problem,
      remedy: remedy(problem),
    }),
  );
}

await main();
