/**
 * Which document the person was looking at, and when. A recording has many documents: pages that follow each other,
 * and tabs that are open at the same time. The person's focus moves to a document when it is shown and with every step
 * done in it, so that the replay follows the hands from tab to tab.
 */
import type { Exchange, RecordedDocument, Step } from "../../api/types";

export interface Focus {
  offset_ms: number;
  document_id: string;
}

export const focusOf = (start: number, documents: readonly RecordedDocument[], steps: readonly Step[]): Focus[] => {
  // A framed document is part of the picture of the document around it.
  const shown = documents.filter((document) => document.frame !== true);
  const known = new Set(shown.map((document) => document.id));
  const moves: Focus[] = [
    ...shown.map((document) => ({ offset_ms: Math.max(0, new Date(document.started_at).getTime() - start), document_id: document.id })),
    ...steps.filter((step) => known.has(step.document_id)).map(({ offset_ms, document_id }) => ({ offset_ms, document_id })),
  ].sort((a, b) => a.offset_ms - b.offset_ms);
  return moves.filter((move, index) => move.document_id !== moves[index - 1]?.document_id);
};

/** The last place at or before that offset; the first one when nothing was there yet. */
export const lastAt = (places: readonly { offset_ms: number }[], offset: number): number => {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((places[middle]?.offset_ms ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
};

export interface Span {
  from: number;
  to: number;
}

/** A pause in which nothing was done or sent is a gap on the timeline. */
export const GAP_MS = 20_000;

export const gapsOf = (duration: number, steps: readonly Step[], exchanges: readonly Exchange[]): Span[] => {
  const moments = [...steps, ...exchanges].map((one) => one.offset_ms).sort((a, b) => a - b);
  const gaps: Span[] = [];
  let before = 0;
  for (const moment of [...moments, duration]) {
    if (moment - before > GAP_MS) gaps.push({ from: before, to: moment });
    before = Math.max(before, moment);
  }
  return gaps;
};
