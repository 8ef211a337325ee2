import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { anchorOf, headings, sectionOf } from "../src/pages/directories/guide";
import { idsIn } from "../src/pages/directories/ids";
import { isKind, KINDS, presetsOf, settingsOf, toRead, valuesOf, wrongFields } from "../src/pages/directories/settings";

const filled = {
  postgresql: { ...presetsOf("postgresql"), host: " db.example.org ", user: "chaperone", password: "file:pg" },
  ldap: { ...presetsOf("ldap"), url: "ldaps://ldap.example.org", bind_dn: "cn=c", password: "env:LDAP", base_dn: "dc=example" },
  scim: { ...presetsOf("scim"), url: "https://example.com/scim/v2", token: "file:scim" },
  dataverse: { ...presetsOf("dataverse"), url: "https://x.crm.dynamics.com", tenant: "x", client_id: "1", client_secret: "file:s" },
  entra: { ...presetsOf("entra"), tenant: "x", client_id: "1", client_secret: "file:s" },
  linux: presetsOf("linux"),
};

describe("the settings of a directory", () => {
  test.each(KINDS)("%s: what the fields hold becomes settings and comes back", (kind) => {
    expect(wrongFields(kind, filled[kind])).toEqual({});
    const settings = settingsOf(kind, filled[kind]);
    expect(settings["kind"]).toBe(kind);
    expect(settingsOf(kind, valuesOf(kind, settings))).toEqual(settings);
    expect(isKind(kind)).toBe(true);
  });

  test("numbers are numbers, spaces are cut off, and what may be empty is left out", () => {
    expect(settingsOf("postgresql", { ...filled.postgresql, password: "" })).toEqual({
      kind: "postgresql", host: "db.example.org", port: 5432, database: "postgres", user: "chaperone", tls: { mode: "well_known" },
    });
    expect(settingsOf("linux", filled.linux)).toEqual({ kind: "linux" });
  });

  test("what the server keeps as null is an empty field", () => {
    expect(valuesOf("postgresql", { kind: "postgresql", host: "db", port: 5432, database: "postgres", user: "c", password: null, tls: { mode: "off" } })["password"]).toBe("");
  });

  test("own authorities bring their certificates, and not without them", () => {
    const values = { ...filled.scim, tls: "authorities" };
    expect(Object.keys(wrongFields("scim", values))).toEqual(["certificates"]);
    const settings = settingsOf("scim", { ...values, certificates: "PEM" });
    expect(settings["tls"]).toEqual({ mode: "authorities", certificates: "PEM" });
    expect(valuesOf("scim", settings)["certificates"]).toBe("PEM");
  });

  test("a secret is named and never typed", () => {
    for (const typed of ["hunter2", "file:", "file:.hidden", "file:../key", "env:A B", "vault:x", `file:${"x".repeat(101)}`]) {
      expect(Object.keys(wrongFields("scim", { ...filled.scim, token: typed })), typed).toEqual(["token"]);
    }
    expect(wrongFields("scim", { ...filled.scim, token: "env:SCIM_TOKEN.2" })).toEqual({});
  });

  test("a port is one", () => {
    for (const port of ["", "0", "65536", "5432a", "-1", "5.4"]) expect(Object.keys(wrongFields("postgresql", { ...filled.postgresql, port })), port).toEqual(["port"]);
  });

  test("they are read in words, without what is empty", () => {
    const read = toRead("ldap", settingsOf("ldap", { ...filled.ldap, start_tls: "yes" })).map(({ label, value }) => `${label}: ${value}`);
    expect(read).toContain("Server: OpenLDAP");
    expect(read).toContain("StartTLS: Yes");
    expect(read.some((line) => line.startsWith("Filter"))).toBe(false);
  });
});

test("every kind has its section in the guide", () => {
  const guide = readFileSync(new URL("../../../docs/directories.md", import.meta.url), "utf8");
  for (const kind of KINDS) expect(guide, kind).toContain(`\n## ${headings[kind]}\n`);
  expect(sectionOf("ldap")).toBe("ldap-openldap-and-active-directory");
  expect(anchorOf("How a change is made")).toBe("how-a-change-is-made");
});

test("a refusal's sessions are found in its sentence, each once", () => {
  const [one, two] = ["01a1fe49-a85f-7000-b76b-e0083626ca76", "01a1fe46-a43c-7000-aabf-9e72f268df91"];
  expect(idsIn(`Privileged sessions need its accounts: ${one} (Active), ${two} (Draft), ${one} (Active). End them.`)).toEqual([one, two]);
  expect(idsIn("Nothing.")).toEqual([]);
});
