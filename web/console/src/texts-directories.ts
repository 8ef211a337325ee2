/** The texts of directories: kinds, fields, rights. Part of the catalogue `texts.ts`. */
import type { DirectoryKind } from "./api/types";

/** Kinds that can be added. */
export type AddedKind = Exclude<DirectoryKind, "built_in">;

export interface KindTexts {
  label: string;
  /** What an account is there. */
  holds: string;
  /** The rights that Chaperone needs, in short; the guide has the commands. */
  rights: string;
}

export const kinds: Record<DirectoryKind, KindTexts> = {
  built_in: { label: "Built-in", holds: "The right of Chaperone's own users to enter targets.", rights: "" },
  postgresql: {
    label: "PostgreSQL", holds: "Roles of a server: LOGIN, NOLOGIN and VALID UNTIL.",
    rights: "A role with CREATEROLE and pg_signal_backend; from PostgreSQL 16 on also each role granted to it WITH ADMIN OPTION.",
  },
  ldap: {
    label: "LDAP", holds: "Entries of OpenLDAP, or users of Active Directory.",
    rights: "An entry that may read the accounts and write pwdAccountLockedTime (OpenLDAP), or userAccountControl and accountExpires (Active Directory).",
  },
  scim: { label: "SCIM 2.0", holds: "Users of a service that speaks SCIM: active or not.", rights: "A bearer token that may read and change users." },
  dataverse: {
    label: "Dataverse", holds: "System users of a Dynamics 365 or Power Platform environment.",
    rights: "An app registration that is an application user of the environment, with the privileges to read, write, enable and disable users.",
  },
  entra: {
    label: "Microsoft Entra ID", holds: "Users of a tenant, through Microsoft Graph.",
    rights: "An app registration with the application permissions User.Read.All, User.EnableDisableAccount.All and User.RevokeSessions.All, and admin consent.",
  },
  linux: { label: "Linux", holds: "Accounts of the machine that Chaperone runs on, from uid 1000.", rights: "Chaperone runs as root, and chage, pkill and pgrep are installed." },
};

export const directories = {
  title: "Directories", add: "Add a directory", caption: "Directories", name: "Name", nameHint: "As people know it", kind: "Kind", accounts: "Accounts", privileged: "Privileged", drifted: "Changed outside", lastImport: "Last import",
  empty: "No directory", count: (n: number) => n.toLocaleString("en-GB"), builtIn: "Its accounts come with the users of Chaperone.", removedAt: "Removed",
  steps: { label: "Steps", kind: "Kind", connection: "Connection", import: "Import", link: "Link accounts to users" },
  chooseKind: "Which system holds the accounts?", changeKind: "Another kind", rights: "Rights that Chaperone needs", guide: "How to set it up", guideTitle: "Directories", notFoundKind: "Choose what kind of directory it is.",
  test: "Test the connection", testAgain: "Test again", testing: "Asking the directory", testHint: "The test changes nothing and stores nothing.", example: (text: string) => `such as ${text}`, works: "It works", worksNot: "It does not work yet", addAndImport: "Add and import", added: "The directory is added.",
  connection: "Connection", change: "Change the connection", save: "Test and save", saved: "The connection works and is saved.", required: "Fill this in.", noSettings: "How it is reached is shown to system administrators.",
  secret: "Named, never typed: file:NAME for a file in the server's folder for secrets, env:NAME for its environment variable CHAPERONE_SECRET_NAME.", secretWrong: "Write file:NAME or env:NAME. Names are letters, digits, dots, dashes and underscores.",
  portWrong: "A port is a number from 1 to 65535.",
  import: "Import", importNow: "Import now", importAgain: "Import again", neverImported: "Not imported yet", neverImportedHint: "The import takes over which accounts there are and how they are. It changes nothing in the directory.",
  running: "Importing", seen: (seen: string, total: string | null) => (total === null ? `${seen} accounts seen` : `${seen} of ${total} accounts seen`), waits: "It is tried again", progress: "Accounts seen",
  counts: { seen: "Seen", added: "New", changed: "Changed", vanished: "Gone", left_out: "Left out" }, leftOutHint: "Without a name, or with too long a one.",
  result: { running: "goes on", done: "done", failed: "failed" }, vanishedHint: "In no listing any more; kept here as absent.",
  startedAt: "Started", endedAt: "Ended", created: "Added", id: "Id",
  next: "Next: link accounts to users", nextHint: "An account that has an owner and is marked privileged can be asked for in a session.", nextAction: "Link accounts to users",
  accountsOf: "Accounts", allAccounts: (n: number) => `All ${n.toLocaleString("en-GB")} accounts`, noAccounts: "No accounts yet", noAccountsHint: "Import them.",
  remove: "Remove directory", removeWhy: "Chaperone forgets how to reach it. Its accounts stay as history; nothing is changed in the directory itself.", needed: "These sessions need its accounts. End or cancel them first.",
  drift: (n: number) => `${n} changed outside`,
} as const;

interface FieldTexts {
  label: string;
  hint?: string;
  placeholder?: string;
}

export const fields = {
  host: { label: "Host", hint: "Name or address of the primary server, or the folder of a socket such as /run/postgresql", placeholder: "db.example.org" },
  port: { label: "Port" },
  database: { label: "Database", hint: "Any one; roles are the same in all of them" },
  user: { label: "Role", hint: "The role that Chaperone signs in as", placeholder: "chaperone" },
  password: { label: "Password", placeholder: "file:directory-password" },
  passwordOptional: { label: "Password", hint: "Empty where the server asks for none", placeholder: "file:directory-password" },
  ldapUrl: { label: "Address", hint: "ldaps://host, or ldap://host with StartTLS", placeholder: "ldaps://ldap.example.org" },
  flavour: { label: "Server", hint: "It decides what a disabled account is" },
  start_tls: { label: "StartTLS", hint: "ldap:// turns into TLS before anything is said." },
  bind_dn: { label: "Sign in as", hint: "Distinguished name; in Active Directory also name@domain", placeholder: "cn=chaperone,ou=services,dc=example,dc=org" },
  base_dn: { label: "Accounts below", placeholder: "ou=people,dc=example,dc=org" },
  filter: { label: "Filter", hint: "Which entries are accounts; empty for all people", placeholder: "(objectClass=inetOrgPerson)" },
  scimUrl: { label: "Address", hint: "What /Users comes behind", placeholder: "https://example.com/scim/v2" },
  token: { label: "Bearer token", placeholder: "file:scim-token" },
  dataverseUrl: { label: "Environment", placeholder: "https://contoso.crm.dynamics.com" },
  tenant: { label: "Tenant", hint: "Its id or domain", placeholder: "contoso.onmicrosoft.com" },
  client_id: { label: "Application id", hint: "Of the app registration" },
  client_secret: { label: "Application secret", placeholder: "file:entra-secret" },
  authority: { label: "Token service", hint: "Another one only in a national cloud" },
  graphUrl: { label: "Microsoft Graph", hint: "Another one only in a national cloud" },
  root: { label: "Root folder", hint: "Empty for this machine; else the folder whose /etc is meant", placeholder: "/" },
  tls: { label: "TLS", hint: "How the server proves who it is" },
  certificates: { label: "Certificates", hint: "Of the authorities, PEM", placeholder: "-----BEGIN CERTIFICATE-----" },
} as const satisfies Record<string, FieldTexts>;

export const flavours: Record<string, string> = { openldap: "OpenLDAP", active_directory: "Active Directory" };
export const tlsModes: Record<string, { label: string; meaning: string }> = {
  well_known: { label: "Well-known authorities", meaning: "By a certificate of the authorities that browsers know too." },
  authorities: { label: "These authorities only", meaning: "By a certificate of an authority of your own." },
  off: { label: "Off", meaning: "In clear. Only to this machine itself." },
};
