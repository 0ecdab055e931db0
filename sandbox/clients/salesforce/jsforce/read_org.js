// Connects to a served sandbox as an app does, reads all there is to read, and writes it to stdout as one JSON document.
// Usage: node read_org.js LOGIN_URL CLIENT_ID CLIENT_SECRET REDIRECT_URI OBJECT...

import jsforce from "jsforce";

const [loginUrl, clientId, clientSecret, redirectUri, ...objects] = process.argv.slice(2);
const MINUTE = 60_000;

/** Allows the app at the consent page; resolves to the authorization code. */
async function consent(authorizationUrl) {
  const answer = await fetch(authorizationUrl, {
    method: "POST",
    body: new URLSearchParams({ decision: "allow" }),
    redirect: "manual",
  });
  const location = answer.headers.get("location");
  if (!location) throw new Error(await answer.text());
  return new URL(location).searchParams.get("code");
}

function call_admin_api(name, body) {
  return fetch(`${loginUrl}/_sandbox/${name}`, { method: "POST", body: JSON.stringify(body) });
}

/** Connects by the web server flow with PKCE, as jsforce and the sf CLI do it, and keeps rotated refresh tokens. */
async function connect() {
  const oauth2 = new jsforce.OAuth2({ loginUrl, clientId, clientSecret, redirectUri, useVerifier: true });
  const connection = new jsforce.Connection({ oauth2, version: "60.0" });
  const code = await consent(oauth2.getAuthorizationUrl({ scope: "api id refresh_token", state: "s" }));
  await connection.authorize(code);
  connection.refreshes = 0;
  connection.on("refresh", (_accessToken, answer) => {
    connection.refreshes += 1;
    if (answer.refresh_token) connection.refreshToken = answer.refresh_token;
  });
  return connection;
}

/** Reads every record of an object in every way; the fields are those of its describe. */
async function readObject(connection, name) {
  const described = await connection.describe(name);
  const fields = described.fields.filter((field) => field.type !== "address").map((field) => field.name);
  const soql = `SELECT ${fields.join(", ")} FROM ${name}`;
  const all = await connection.query(soql, { autoFetch: true, maxFetch: 100_000, scanAll: true });
  const live = await connection.sobject(name).find({}, fields).execute({ autoFetch: true, maxFetch: 100_000 });
  const job = await connection.bulk2.query(soql, { pollInterval: 10, pollTimeout: MINUTE });
  return {
    describe: described,
    all: all.records,
    live: live.map((record) => record.Id),
    count: await connection.sobject(name).count(),
    bulk: await job.toArray(),
    byId: await connection.sobject(name).retrieve(all.records[0].Id),
    byIds: await connection.sobject(name).retrieve(live.slice(0, 3).map((record) => record.Id)),
  };
}

/** Pages of the smallest size, each asked for by the locator of the one before. */
async function readPages(connection) {
  const options = { headers: { "Sforce-Query-Options": "batchSize=200" } };
  let page = await connection.query("SELECT Id FROM Contact ORDER BY Id", options);
  const pages = [page.records.map((record) => record.Id)];
  while (!page.done) {
    page = await connection.queryMore(page.nextRecordsUrl, options);
    pages.push(page.records.map((record) => record.Id));
  }
  return pages;
}

async function readChanges(connection) {
  const [touched, deleted] = await connection.sobject("Account").find({}, ["Id"]).limit(2);
  await call_admin_api("touch", { object: "Account", ids: [touched.Id] });
  await call_admin_api("archive", { object: "Account", ids: [deleted.Id] });
  await call_admin_api("clock", { advance_seconds: 120 });
  const start = new Date(Date.now() - 5 * MINUTE);
  const end = new Date(Date.now() + 2 * MINUTE);
  return {
    touched: touched.Id,
    deleted: deleted.Id,
    updatedAnswer: await connection.updated("Account", start, end),
    deletedAnswer: await connection.deleted("Account", start, end),
  };
}

async function refusalOf(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return { code: error.errorCode ?? error.name, message: error.message };
  }
}

async function readRefusals(connection) {
  return {
    search: await refusalOf(() => connection.search("FIND {Acme}")),
    bulk1: await refusalOf(() => connection.bulk.query("SELECT Id FROM Account")),
    or: await refusalOf(() => connection.sobject("Account").find({ $or: [{ Name: "a" }, { Name: "b" }] }, ["Id"])),
    create: await refusalOf(() => connection.sobject("Account").create({ Name: "x" })),
    layouts: await refusalOf(() => connection.sobject("Account").layouts()),
    tooling: await refusalOf(() => connection.tooling.query("SELECT Id FROM ApexClass")),
  };
}

const connection = await connect();
const answers = {
  userInfo: connection.userInfo,
  identity: await connection.identity(),
  limits: await connection.limits(),
  versions: await connection.request("/services/data"),
  listed: (await connection.describeGlobal()).sobjects.map((one) => one.name),
  pages: await readPages(connection),
  objects: {},
};
for (const name of objects) answers.objects[name] = await readObject(connection, name);
answers.recent = await connection.recent(5);
answers.recentAccounts = await connection.sobject("Account").recent();
answers.changes = await readChanges(connection);
answers.refusals = await readRefusals(connection);
for (let time = 0; time < 2; time += 1) {
  await call_admin_api("tokens", { expire: true });
  await connection.limits();
}
answers.refreshes = connection.refreshes;
const { refreshToken } = connection;
await connection.logout(true);
answers.afterLogout = await refusalOf(() => connection.oauth2.refreshToken(refreshToken));
process.stdout.write(JSON.stringify(answers));
