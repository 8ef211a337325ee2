import { expect, test, vi } from "vitest";

import type { RecordedDocument, Step } from "../src/api/types";
import { focusOf, gapsOf, lastAt } from "../src/pages/recordings/focus";
import type { Ask } from "../src/pages/recordings/messages";
import { Player } from "../src/pages/recordings/player";

const START = new Date("2026-11-20T08:00:00Z").getTime();
const document = (id: string, offset: number, frame = false): RecordedDocument => ({
  id,
  started_at: new Date(START + offset).toISOString(),
  title: id,
  url: `http://erp.localhost/${id}`,
  state: "ended",
  frame,
  replayable: true,
});
const step = (seq: number, offset_ms: number, document_id: string): Step => ({
  seq, offset_ms, document_id, at: "", kind: "click", text: "", label: "", role: "", control: "", value: null, form_context: null,
  record_context: null, page: { url: "", title: "" }, selectors: [], exchange_ids: [], trusted: true, node: seq,
});

test("the picture follows the hands from tab to tab, and frames are part of their page", () => {
  const documents = [document("a", 0), document("frame", 100, true), document("b", 1000)];
  const focus = focusOf(START, documents, [step(1, 500, "a"), step(2, 600, "frame"), step(3, 1500, "b"), step(4, 2000, "a")]);
  expect(focus).toEqual([
    { offset_ms: 0, document_id: "a" },
    { offset_ms: 1000, document_id: "b" },
    { offset_ms: 2000, document_id: "a" },
  ]);
  expect([-1, 0, 999, 1000, 5000].map((offset) => lastAt(focus, offset))).toEqual([-1, 0, 0, 1, 2]);
});

test("long pauses are gaps", () => {
  expect(gapsOf(60_000, [step(1, 1000, "a"), step(2, 30_000, "a")], [])).toEqual([
    { from: 1000, to: 30_000 },
    { from: 30_000, to: 60_000 },
  ]);
});

const playing = (events: Record<string, unknown[]>) => {
  const asked: Ask[] = [];
  const player = new Player({ start: START, post: (ask) => asked.push(ask), events: async (id) => await Promise.resolve(events[id] ?? []) });
  player.setTimeline(focusOf(START, [document("a", 0), document("b", 1000)], []), [step(1, 1200, "b")], false);
  return { player, asked };
};

test("a step is shown in its document, with its node framed", async () => {
  const { player, asked } = playing({ a: [1, 2], b: [3, 4] });
  player.hear({ type: "ready" });
  await vi.waitFor(() => expect(player.snapshot().picture).toBe("shown"));
  player.seekStep(0);
  await vi.waitFor(() => expect(player.snapshot()).toMatchObject({ picture: "shown", document_id: "b", step: 0 }));
  expect(asked).toContainEqual({ type: "load", events: [3, 4], start: START, offset_ms: 1200 });
  await vi.waitFor(() => expect(asked.at(-1)).toEqual({ type: "outline", node: 1 }));
});

test("at the end of a document the next one plays on; after the last one it is over", async () => {
  const { player, asked } = playing({ a: [1, 2], b: [3, 4] });
  player.hear({ type: "ready" });
  await vi.waitFor(() => expect(player.snapshot().picture).toBe("shown"));
  player.play();
  player.hear({ type: "end" });
  await vi.waitFor(() => expect(player.snapshot()).toMatchObject({ document_id: "b", picture: "shown", playing: true }));
  player.hear({ type: "end" });
  await vi.waitFor(() => expect(player.snapshot()).toMatchObject({ playing: false, ended: true }));
  expect(asked.filter((ask) => ask.type === "load")).toHaveLength(2);
});

test("a document without a picture says so", async () => {
  const { player } = playing({});
  player.hear({ type: "ready" });
  await vi.waitFor(() => expect(player.snapshot().picture).toBe("none"));
});

test("a recording opens where there is something to see, and a moment that was asked for is kept", async () => {
  const { player } = playing({ b: [3, 4] });
  player.open();
  player.hear({ type: "ready" });
  await vi.waitFor(() => expect(player.snapshot()).toMatchObject({ document_id: "b", picture: "shown", playing: false, offset_ms: 1000 }));
  player.seek(0);
  await vi.waitFor(() => expect(player.snapshot()).toMatchObject({ document_id: "a", picture: "none", offset_ms: 0 }));
  player.play();
  await vi.waitFor(() => expect(player.snapshot()).toMatchObject({ document_id: "b", picture: "shown", playing: true }));
});

test("a recording without any picture says so when it is opened, and playing it is over at once", async () => {
  const { player } = playing({});
  player.open();
  player.hear({ type: "ready" });
  await vi.waitFor(() => expect(player.snapshot()).toMatchObject({ document_id: "b", picture: "none" }));
  player.play();
  await vi.waitFor(() => expect(player.snapshot()).toMatchObject({ playing: false, ended: true }));
});

test("a frame that never answers is told as failed", () => {
  const { player } = playing({});
  player.giveUp();
  expect(player.snapshot().picture).toBe("failed");
});
