// The calls that programs made for Dataverse audit make with `dynamics-web-api`, unmodified, against a running
// Chaperone. The test that starts this says where it is, whose token to use, and how many access records there are.
import assert from "node:assert/strict";
import process from "node:process";
import { DynamicsWebApi } from "dynamics-web-api";

const { SERVER_URL, TOKEN, AUDITOR_TOKEN, USER_ID, RECORDS } = process.env;
const records = Number(RECORDS);

const api = (token) =>
  new DynamicsWebApi({
    serverUrl: SERVER_URL,
    dataApi: { version: "9.2" },
    onTokenRefresh: async () => token,
  });
const client = api(TOKEN);

/** The refusal of a call that must be refused. */
async function refused(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("it was not refused");
}

// Who am I?
const who = await client.callFunction({ name: "WhoAmI" });
assert.match(who.UserId, /^[0-9a-f-]{36}$/);
assert.match(who.OrganizationId, /^[0-9a-f-]{36}$/);

// The organization's settings, read and changed.
const settings = ["isauditenabled", "isuseraccessauditenabled", "useraccessauditinginterval", "auditretentionperiodv2"];
const organizations = await client.retrieveMultiple({ collection: "organizations", select: settings });
const [organization] = organizations.value;
assert.equal(organization.organizationid, who.OrganizationId);
assert.equal(organization.useraccessauditinginterval, 4);
const key = organization.organizationid;
const changed = await client.update({
  collection: "organizations",
  key,
  data: { useraccessauditinginterval: 8 },
  select: settings,
  returnRepresentation: true,
});
assert.equal(changed.useraccessauditinginterval, 8);
assert.ok(await client.update({ collection: "organizations", key, data: { useraccessauditinginterval: 4 } }));
const outOfRange = await refused(() =>
  client.update({ collection: "organizations", key, data: { useraccessauditinginterval: -1 } }),
);
assert.equal(outOfRange.status, 400);
assert.equal(outOfRange.code, "0x80040203");

// Access records: selected, filtered, ordered, counted, with texts for people.
const columns = ["auditid", "action", "operation", "createdon", "objecttypecode", "_objectid_value", "_userid_value"];
const page = await client.retrieveMultiple({
  collection: "audits",
  select: columns,
  filter: `action eq 64 and _userid_value eq '${USER_ID}'`,
  orderBy: ["createdon desc"],
  count: true,
  includeAnnotations: "*",
  maxPageSize: 2,
});
assert.equal(page.value.length, 2);
assert.equal(page.oDataCount, 5000);
assert.ok(page.oDataNextLink.startsWith(`${SERVER_URL}/api/data/v9.2/`), page.oDataNextLink);
const [row] = page.value;
assert.equal(row.action_Formatted, "User Access via Web");
assert.equal(row.operation_Formatted, "Access");
assert.equal(row._userid_value_LogicalName, "systemuser");
assert.ok(row.createdon instanceof Date, "whole seconds become a date");
const next = await client.retrieveMultiple({ collection: "audits", maxPageSize: 2, includeAnnotations: "*" }, page.oDataNextLink);
assert.equal(next.value.length, 2);
assert.notEqual(next.value[0].auditid, row.auditid);
assert.equal((await client.retrieveMultiple({ collection: "audits", top: 3 })).value.length, 3);
assert.equal(await client.count({ collection: "audits", filter: "action eq 113" }), 0);

// Everything, by pages.
const all = await client.retrieveAll({ collection: "audits", select: ["auditid"], filter: "action eq 64 and createdon lt 2024-06-01", orderBy: ["createdon"] });
assert.equal(all.value.length, records);
assert.equal(new Set(all.value.map((one) => one.auditid)).size, records);

// One row and its details.
const one = await client.retrieve({ collection: "audits", key: row.auditid, select: columns });
assert.equal(one.action, 64);
const details = await client.callFunction({
  name: "Microsoft.Dynamics.CRM.RetrieveAuditDetails",
  collection: "audits",
  key: row.auditid,
});
assert.equal(details.AuditDetail.oDataType ?? details.AuditDetail["@odata.type"], "#Microsoft.Dynamics.CRM.UserAccessAuditDetail");
assert.equal(details.AuditDetail.Interval, 4);

// A user, what they did, what happened to them.
const user = await client.retrieve({ collection: "systemusers", key: USER_ID, select: ["fullname", "domainname"] });
assert.ok(user.domainname);
const byNavigation = await client.retrieveMultiple({ collection: `systemusers(${USER_ID})/lk_audit_userid`, select: ["action"], top: 5 });
assert.equal(byNavigation.value.length, 5);
const history = await client.callFunction({
  name: "RetrieveRecordChangeHistory",
  parameters: {
    Target: { "@odata.id": `systemusers(${USER_ID})` },
    PagingInfo: { PageNumber: 1, Count: 3, ReturnTotalRecordCount: true },
  },
});
assert.equal(history.AuditDetailCollection.AuditDetails.length, 3);
assert.equal(history.AuditDetailCollection.MoreRecords, true);

// Definitions, and auditing of one switched off and on.
const entities = await client.retrieveEntities({
  select: ["LogicalName", "EntitySetName", "IsAuditEnabled"],
  filter: "IsAuditEnabled/Value eq true and IsPrivate eq false",
});
assert.ok(entities.value.some((entity) => entity.LogicalName === "systemuser"));
const definition = await client.retrieveEntity({ key: "LogicalName='chp_console'" });
definition.IsAuditEnabled.Value = false;
await client.updateEntity({ data: definition });
assert.equal((await client.retrieveEntity({ key: definition.MetadataId })).IsAuditEnabled.Value, false);
definition.IsAuditEnabled.Value = true;
await client.updateEntity({ data: definition });
const named = new DynamicsWebApi({
  serverUrl: SERVER_URL,
  dataApi: { version: "9.2" },
  useEntityNames: true,
  onTokenRefresh: async () => TOKEN,
});
assert.equal((await named.retrieveMultiple({ collection: "audit", top: 1 })).value.length, 1);
assert.match(await client.retrieveCsdlMetadata(), /<EntityType Name="audit"/);

// What is refused says so in the source's form.
const deletion = await refused(() =>
  client.callAction({ actionName: "DeleteAuditData", action: { EndDate: "2020-01-01T00:00:00Z" } }),
);
assert.equal(deletion.status, 400);
assert.equal(deletion.code, "0x80040203");
const unknown = await refused(() => client.retrieveMultiple({ collection: "audits", filter: "nothing eq 1" }));
assert.equal(unknown.status, 400);
assert.match(unknown.message, /Could not find a property named 'nothing'/);
const fetchXml = await refused(() =>
  client.fetch({ collection: "audits", fetchXml: "<fetch><entity name='audit'/></fetch>" }),
);
assert.equal(fetchXml.status, 501);
const impersonated = await refused(() => client.retrieveMultiple({ collection: "audits", impersonate: USER_ID }));
assert.equal(impersonated.status, 403);
const auditor = api(AUDITOR_TOKEN);
assert.equal((await auditor.retrieveMultiple({ collection: "audits", top: 1 })).value.length, 1);
const notAllowed = await refused(() =>
  auditor.update({ collection: "organizations", key, data: { isauditenabled: false } }),
);
assert.equal(notAllowed.status, 403);
const nobody = await refused(() => api("nonsense").callFunction({ name: "WhoAmI" }));
assert.equal(nobody.status, 401);

process.stdout.write("every call was answered\n");
