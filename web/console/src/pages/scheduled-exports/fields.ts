/** A new scheduled export while it is being filled in: its fields, what is wrong with them, and what is sent. */
import type { ExportContent, ExportEvery, ExportTarget, NewScheduledExport, ScheduledExport } from "../../api/types";
import { texts } from "../../texts";

const words = texts.scheduledExports;

export interface Fields {
  name: string;
  content: ExportContent;
  every: ExportEvery;
  format: ScheduledExport["format"];
  kind: ExportTarget["kind"];
  path: string;
  bucket: string;
  region: string;
  prefix: string;
  endpoint: string;
  access_key_id: string;
  secret_access_key: string;
  /** A day, or empty. */
  from: string;
}

export const PRESET: Fields = { name: "", content: "sign_ins", every: "week", format: "csv", kind: "folder", path: "", bucket: "", region: "", prefix: "", endpoint: "", access_key_id: "", secret_access_key: "", from: "" };

const SECRET = /^(file|env):(?!\.)[A-Za-z0-9._-]{1,100}$/;
const REQUIRED: Record<ExportTarget["kind"], readonly (keyof Fields)[]> = { folder: ["name", "path"], s3: ["name", "bucket", "region"] };

/** What is wrong, by field; the server says the same, later. */
export const wrongFields = (fields: Fields): Partial<Record<keyof Fields, string>> => {
  const wrong: Partial<Record<keyof Fields, string>> = {};
  for (const name of REQUIRED[fields.kind]) if (fields[name].trim() === "") wrong[name] = words.required;
  if (fields.kind === "folder") return wrong;
  const [key, secret] = [fields.access_key_id.trim(), fields.secret_access_key.trim()];
  if (secret !== "" && !SECRET.test(secret)) wrong.secret_access_key = words.secretWrong;
  else if ((key === "") !== (secret === "")) wrong[key === "" ? "access_key_id" : "secret_access_key"] = words.keysTogether;
  return wrong;
};

const orNull = (text: string): string | null => (text.trim() === "" ? null : text.trim());

const targetOf = (fields: Fields): ExportTarget =>
  fields.kind === "folder"
    ? { kind: "folder", path: fields.path.trim() }
    : { kind: "s3", bucket: fields.bucket.trim(), region: fields.region.trim(), prefix: fields.prefix.trim(), endpoint: orNull(fields.endpoint), access_key_id: orNull(fields.access_key_id), secret_access_key: orNull(fields.secret_access_key) };

/** As the API takes it. Days are those of UTC, as the intervals are. */
export const requestOf = (fields: Fields): NewScheduledExport => ({
  name: fields.name.trim(),
  content: fields.content,
  every: fields.every,
  format: fields.format,
  target: targetOf(fields),
  ...(fields.from === "" ? {} : { starts_at: `${fields.from}T00:00:00Z` }),
});
