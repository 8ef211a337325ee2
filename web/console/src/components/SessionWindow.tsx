import type { PrivilegedSession } from "../api/types";
import { texts } from "../texts";
import { fullText, lengthText, spanText, zoneAt } from "../ui/time";
import { useNow } from "../ui/useNow";
import { WindowBar } from "../ui/WindowBar";
import { toneOf } from "./StatusBadge";

type Session = Pick<PrivilegedSession, "status" | "starts_at" | "ends_at">;

/** What the clock says about a session: time left, time until, waiting. */
export const timeWord = (session: Session, now: Date): string | null => {
  const untilStart = new Date(session.starts_at).getTime() - now.getTime();
  const untilEnd = new Date(session.ends_at).getTime() - now.getTime();
  if (session.status === "Active") return texts.session.timeLeft(lengthText(untilEnd));
  if (session.status === "Draft" || session.status === "Approved")
    return untilStart > 0 ? texts.session.startsIn(lengthText(untilStart)) : texts.session.timeLeft(lengthText(untilEnd));
  return null;
};

/** The window of a session: the bar, and the times under it. */
export const SessionWindow = ({ session, large = false }: { session: Session; large?: boolean }) => {
  const now = useNow(large ? 1_000 : 30_000);
  const from = new Date(session.starts_at);
  const to = new Date(session.ends_at);
  const span = spanText(from, to, now);
  const word = timeWord(session, now);
  return (
    <div style={{ display: "grid", gap: large ? 8 : 4, minWidth: large ? 0 : 168 }}>
      <WindowBar from={from} to={to} now={now} tone={toneOf[session.status]} large={large} label={`${texts.session.window}: ${span}${word === null ? "" : `, ${word}`}`} />
      <span className="small soft nowrap" title={`${fullText(from)} – ${fullText(to)}`}>
        {span}
        {large && ` ${zoneAt(from)} · ${lengthText(to.getTime() - from.getTime())}`}
      </span>
    </div>
  );
};
