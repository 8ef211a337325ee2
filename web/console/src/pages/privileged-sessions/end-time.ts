/** A running session's other end: later with approval, earlier at once. */
import type { PrivilegedSession } from "../../api/types";
import { texts } from "../../texts";
import { MINUTE } from "../../ui/time";
import { WINDOW_MAX_MS } from "./request-window";

export type EndAction = "Extend" | "Shorten";

/** What is offered beside a time of one's own, in minutes. */
export const STEPS_MIN: Record<EndAction, readonly number[]> = { Extend: [30, 60, 120, 240], Shorten: [5, 15, 30, 60] };

type Session = Pick<PrivilegedSession, "starts_at" | "ends_at">;

/** No session ends later than this. */
export const latestEnd = (session: Session): Date => new Date(new Date(session.starts_at).getTime() + WINDOW_MAX_MS);

/** The end that a step makes: so much after the one that stands, or so much from now; null where it does not fit. */
export const endAfter = (session: Session, action: EndAction, minutes: number, now: Date): Date | null => {
  const from = action === "Extend" ? new Date(session.ends_at) : now;
  const end = new Date(from.getTime() + minutes * MINUTE);
  return endProblem(session, action, end, now) === null ? end : null;
};

/** What is wrong with an end; the server says the same, later. */
export const endProblem = (session: Session, action: EndAction, end: Date | null, now: Date): string | null => {
  const words = texts.session.extension;
  const standing = new Date(session.ends_at);
  if (action === "Extend") {
    if (end === null || end <= standing) return words.later;
    return end > latestEnd(session) ? words.tooLate : null;
  }
  return end === null || end <= now || end >= standing ? words.earlier : null;
};
