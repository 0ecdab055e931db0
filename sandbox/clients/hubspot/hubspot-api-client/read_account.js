// Read everything of a served HubSpot sandbox with HubSpot's client, and write it as JSON.
// Arguments: the sandbox's URL, client id, client secret, redirect URI, an authorization code, and as JSON the
// properties by object type and the ids to batch by pair of object types.
import { Client } from "@hubspot/api-client";

const [url, clientId, clientSecret, redirectUri, code, propertiesText, idsText] = process.argv.slice(2);
const properties = JSON.parse(propertiesText);
const idsByPair = JSON.parse(idsText);
const hubspot = new Client({ basePath: url, numberOfApiCallRetries: 6 });

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return { status: error.code, body: error.body };
  }
  return null;
}

async function searchAll(api) {
  const ids = [];
  let total = 0;
  let after = "0";
  while (after !== undefined) {
    const page = await api.doSearch({
      filterGroups: [], sorts: ["hs_object_id"], properties: ["hs_object_id"], limit: 200, after,
    });
    total = page.total;
    ids.push(...page.results.map((record) => record.id));
    after = page.paging?.next?.after;
  }
  return { total, ids };
}

async function readObjects(name) {
  const crm = hubspot.crm[name];
  const live = await crm.getAll(100, undefined, properties[name]);
  const batch = await crm.batchApi.read({
    inputs: live.slice(0, 100).map(({ id }) => ({ id })), properties: properties[name], propertiesWithHistory: [],
  });
  return {
    live,
    archived: await crm.getAll(100, undefined, properties[name], undefined, undefined, true),
    batch: batch.results,
    byId: await crm.basicApi.getById(live[0].id, properties[name]),
    search: await searchAll(crm.searchApi),
    definitions: (await hubspot.crm.properties.coreApi.getAll(name)).results,
  };
}

async function readAssociations(pair) {
  const [source, target] = pair.split("/");
  const body = { inputs: idsByPair[pair].map((id) => ({ id })) };
  const first = idsByPair[pair][0];
  return {
    labelled: (await hubspot.crm.associations.v4.batchApi.getPage(source, target, body)).results,
    named: (await hubspot.crm.associations.batchApi.read(source, target, body)).results,
    ofFirst: (await hubspot.crm.associations.v4.basicApi.getPage(source, first, target)).results,
  };
}

async function readAll(names, read) {
  const found = {};
  for (const name of names) {
    found[name] = await read(name);
  }
  return found;
}

const granted = await hubspot.oauth.tokensApi.create(
  "authorization_code", code, redirectUri, clientId, clientSecret,
);
const renewed = await hubspot.oauth.tokensApi.create(
  "refresh_token", undefined, undefined, clientId, clientSecret, granted.refreshToken,
);
hubspot.setAccessToken(renewed.accessToken);
const owners = hubspot.crm.owners.ownersApi;
const read = {
  tokenInfo: await hubspot.oauth.accessTokensApi.get(renewed.accessToken),
  refreshInfo: await hubspot.oauth.refreshTokensApi.get(granted.refreshToken),
  objects: await readAll(Object.keys(properties), readObjects),
  associations: await readAll(Object.keys(idsByPair), readAssociations),
  owners: (await owners.getPage()).results,
  archivedOwners: (await owners.getPage(undefined, undefined, 100, true)).results,
  pipelines: (await hubspot.crm.pipelines.pipelinesApi.getAll("deals")).results,
  notHeld: await refusal(() => hubspot.crm.tickets.basicApi.getPage()),
  notSimulated: await refusal(() => hubspot.crm.properties.groupsApi.getAll("companies")),
};
await hubspot.oauth.refreshTokensApi.archive(granted.refreshToken);
read.afterArchive = await refusal(() => hubspot.oauth.tokensApi.create(
  "refresh_token", undefined, undefined, clientId, clientSecret, granted.refreshToken,
));
process.stdout.write(JSON.stringify(read));
