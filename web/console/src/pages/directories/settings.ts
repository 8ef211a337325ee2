/** The settings of a directory while they are being written: fields by kind, what is wrong with them, and back and forth. */
import type { DirectorySettings } from "../../api/types";
import { texts } from "../../texts";
import type { AddedKind } from "../../texts-directories";

/** How a field is filled in. */
type FieldType = "text" | "port" | "secret" | "flavour" | "switch" | "tls";

export interface Field {
  name: string;
  type: FieldType;
  words: { label: string; hint?: string; placeholder?: string };
  /** What it is at first. */
  preset?: string;
  /** May stay empty: then it is left out. */
  optional?: boolean;
}

const words = texts.directoryField;
const tls: Field = { name: "tls", type: "tls", words: words.tls, preset: "well_known" };
const application: readonly Field[] = [
  { name: "tenant", type: "text", words: words.tenant },
  { name: "client_id", type: "text", words: words.client_id },
  { name: "client_secret", type: "secret", words: words.client_secret },
  { name: "authority", type: "text", words: words.authority, preset: "https://login.microsoftonline.com" },
];

export const FIELDS: Record<AddedKind, readonly Field[]> = {
  postgresql: [
    { name: "host", type: "text", words: words.host },
    { name: "port", type: "port", words: words.port, preset: "5432" },
    { name: "database", type: "text", words: words.database, preset: "postgres" },
    { name: "user", type: "text", words: words.user },
    { name: "password", type: "secret", words: words.passwordOptional, optional: true },
    tls,
  ],
  ldap: [
    { name: "flavour", type: "flavour", words: words.flavour, preset: "openldap" },
    { name: "url", type: "text", words: words.ldapUrl },
    { name: "start_tls", type: "switch", words: words.start_tls },
    tls,
    { name: "bind_dn", type: "text", words: words.bind_dn },
    { name: "password", type: "secret", words: words.password },
    { name: "base_dn", type: "text", words: words.base_dn },
    { name: "filter", type: "text", words: words.filter, optional: true },
  ],
  scim: [{ name: "url", type: "text", words: words.scimUrl }, { name: "token", type: "secret", words: words.token }, tls],
  dataverse: [{ name: "url", type: "text", words: words.dataverseUrl }, ...application, tls],
  entra: [...application, { name: "url", type: "text", words: words.graphUrl, preset: "https://graph.microsoft.com" }, tls],
  linux: [{ name: "root", type: "text", words: words.root, optional: true }],
};

export const KINDS = Object.keys(FIELDS) as AddedKind[];

export const isKind = (word: string | null): word is AddedKind => KINDS.some((kind) => kind === word);

/** What the fields hold; the certificates of `tls` stand beside it. */
export type Values = Readonly<Record<string, string>>;

export const CERTIFICATES = "certificates";

export const presetsOf = (kind: AddedKind): Values => ({ ...Object.fromEntries(FIELDS[kind].map(({ name, preset }) => [name, preset ?? ""])), [CERTIFICATES]: "" });

/** The fields that hold these settings. */
export const valuesOf = (kind: AddedKind, settings: DirectorySettings): Values => {
  const values: Record<string, string> = { ...presetsOf(kind) };
  for (const { name, type } of FIELDS[kind]) {
    const value = settings[name];
    if (type === "switch") values[name] = value === true ? "yes" : "";
    else if (type !== "tls") values[name] = value === undefined || value === null ? "" : String(value);
    else if (typeof value === "object" && value !== null) {
      const { mode, certificates } = value as { mode?: string; certificates?: string };
      values[name] = mode ?? "well_known";
      values[CERTIFICATES] = certificates ?? "";
    }
  }
  return values;
};

/** The settings as the API takes them. */
export const settingsOf = (kind: AddedKind, values: Values): DirectorySettings => {
  const settings: Record<string, unknown> = { kind };
  for (const { name, type, optional = false } of FIELDS[kind]) {
    const value = (values[name] ?? "").trim();
    if (type === "switch") settings[name] = value === "yes";
    else if (type === "tls") settings[name] = value === "authorities" ? { mode: value, certificates: values[CERTIFICATES] ?? "" } : { mode: value };
    else if (value !== "" || !optional) settings[name] = type === "port" ? Number(value) : value;
  }
  return settings;
};

const SECRET = /^(file|env):(?!\.)[A-Za-z0-9._-]{1,100}$/;
const PORT = /^\d{1,5}$/;

/** What is wrong, by field; the server says the same, later. */
export const wrongFields = (kind: AddedKind, values: Values): Record<string, string> => {
  const wrong: Record<string, string> = {};
  for (const { name, type, optional = false } of FIELDS[kind]) {
    const value = (values[name] ?? "").trim();
    if (value === "" && !optional && type !== "switch") wrong[name] = texts.directories.required;
    else if (type === "secret" && value !== "" && !SECRET.test(value)) wrong[name] = texts.directories.secretWrong;
    else if (type === "port" && !(PORT.test(value) && Number(value) >= 1 && Number(value) <= 65_535)) wrong[name] = texts.directories.portWrong;
    else if (type === "tls" && value === "authorities" && (values[CERTIFICATES] ?? "").trim() === "") wrong[CERTIFICATES] = texts.directories.required;
  }
  return wrong;
};

interface Read {
  label: string;
  value: string;
  mono: boolean;
}

/** The settings in words, for reading: label and value, without what was left empty. */
export const toRead = (kind: AddedKind, settings: DirectorySettings): Read[] => {
  const values = valuesOf(kind, settings);
  return FIELDS[kind].flatMap(({ name, type, words: { label } }): Read[] => {
    const value = values[name] ?? "";
    if (value === "") return [];
    if (type === "switch") return [{ label, value: texts.common.yes, mono: false }];
    if (type === "tls") return [{ label, value: texts.tls[value]?.label ?? value, mono: false }];
    if (type === "flavour") return [{ label, value: texts.flavour[value] ?? value, mono: false }];
    return [{ label, value, mono: true }];
  });
};
