/** What a recording says, and whether that is what was done. */
import { expect } from "@playwright/test";

import type { Api, List } from "./api.ts";
import type { Change } from "./erp-job.ts";
import { CHANGES } from "./erp-job.ts";
import type { ExpectedStep, Script } from "./script.ts";

export interface RecordedStep {
  seq: number;
  at: string;
  kind: string;
  text: string;
  label: string;
  value: { old: string | null; new: string | null; type: string; masked: boolean } | null;
  form_context: string | null;
  record_context: string | null;
  exchange_ids: string[];
  trusted: boolean;
}

export interface Recording {
  id: string;
  sign_in_id: string;
  state: "recording" | "sealed" | "damaged";
  steps: number;
  exchanges: number;
  bytes: number;
  coverage: { areas_not_recorded: number };
}

export interface Exchange {
  id: string;
  method: string;
  url: string;
  status: number | null;
  kind: "change" | "read" | "websocket_message";
  outcome: "done" | "refused" | "unknown";
}

/** Kinds that say what a page did and not what the person did. */
const OF_THE_PAGE = ["page", "navigate", "tab_show", "tab_hide"];

/** All items of a list, page by page. */
export async function everything<T>(api: Api, path: string): Promise<T[]> {
  const items: T[] = [];
  let after = "";
  for (;;) {
    const page = await api.get<List<T>>(`${path}${path.includes("?") ? "&" : "?"}limit=500${after}`);
    items.push(...page.items);
    if (page.next === null) return items;
    after = `&after=${encodeURIComponent(page.next)}`;
  }
}

/** The recording of a session, once it is sealed. */
export async function sealedRecording(api: Api, session: string): Promise<Recording> {
  let found: Recording | undefined;
  await expect(async () => {
    const { items } = await api.get<List<Recording>>(`/privileged-sessions/${session}/recordings`);
    expect(items).toHaveLength(1);
    found = items[0];
    expect(found?.state).toBe("sealed");
  }).toPass({ timeout: 60_000 });
  if (!found) throw new Error("no recording");
  return found;
}

/** Every step of the script is in the recording, in this order, and the person did nothing else. */
export function expectScript(steps: RecordedStep[], script: Script): void {
  const done = steps.filter((step) => !OF_THE_PAGE.includes(step.kind));
  const said = done.map((step) => shown(step.kind, step.label, step.value?.new));
  const expected = script.expected.map((step) => shown(step.kind, step.label, step.value));
  expect(said.join("\n")).toBe(expected.join("\n"));
  for (const step of done) expect(step.text, `step ${step.seq} in words`).not.toBe("");
}

/** The application's own list of changes is what the job does, and a step explains each. */
export function expectChanges(changes: Change[], steps: RecordedStep[]): void {
  expect(changes.map((change) => change.field)).toEqual(CHANGES.map((change) => change.field));
  for (const [place, { field, value, step }] of CHANGES.entries()) {
    expect(changes[place]?.new, field).toMatch(value);
    expect(steps.some((recorded) => explains(recorded, step)), `a step explains ${field}`).toBe(true);
  }
}

function explains(recorded: RecordedStep, step: Partial<ExpectedStep>): boolean {
  return recorded.kind === step.kind && recorded.label === step.label && (step.value === undefined || recorded.value?.new === step.value);
}

/** A label that ends in a colon names the same field as one that does not; a download's value is its address. */
function shown(kind: string, label: string, value: string | null | undefined): string {
  return [kind, label.replace(/:$/, ""), kind === "download" ? "" : (value ?? "")].join(" | ");
}
