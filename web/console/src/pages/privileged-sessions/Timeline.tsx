/** The windows of all sessions as bars over some days, one line per account. */
import { Button } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { CSSProperties } from "react";
import { Link } from "react-router";

import * as queries from "../../api/queries";
import type { PrivilegedSession } from "../../api/types";
import { Skeleton } from "../../components/Loaded";
import { nameOf } from "../../components/names";
import { ProblemNote } from "../../components/ProblemNote";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { EmptyState } from "../../ui/EmptyState";
import { addDays, clockText, dayText, spanText, startOfDay, toLocalInput, zoneName } from "../../ui/time";
import { useNow } from "../../ui/useNow";
import { useSearchState } from "../../ui/useSearchState";
import { filtersOf } from "./filter-state";
import { byAccount, type Lane } from "./lanes";
import classes from "./Timeline.module.css";

/** Days that are seen at once, and how many of them lie before today. */
const DAYS = 7;
const DAYS_BEFORE = 2;

export const Timeline = () => {
  const [params, set] = useSearchState();
  const now = useNow(30_000);
  const asked = new Date(`${params.get("day") ?? ""}T00:00`);
  const from = Number.isNaN(asked.getTime()) ? addDays(startOfDay(now), -DAYS_BEFORE) : asked;
  const to = addDays(from, DAYS);
  const move = (days: number) => set({ day: toLocalInput(addDays(from, days)).slice(0, 10) });
  const list = useQuery(queries.sessions({ ...filtersOf(params), from: from.toISOString(), to: to.toISOString(), limit: queries.LIMIT_MAX }));

  return (
    <>
      <div className={classes["head"]}>
        <Button variant="default" leftSection={<IconChevronLeft size={15} />} onClick={() => move(-DAYS)}>
          {texts.sessions.earlier}
        </Button>
        <Button variant="default" onClick={() => set({ day: null })}>
          {texts.sessions.today}
        </Button>
        <Button variant="default" rightSection={<IconChevronRight size={15} />} onClick={() => move(DAYS)}>
          {texts.sessions.later}
        </Button>
        <span className="small soft">{texts.common.inZone(zoneName())}</span>
      </div>
      {list.error && !list.data ? <ProblemNote error={list.error} onRetry={() => void list.refetch()} /> : null}
      {!list.data && !list.error ? <Skeleton /> : null}
      {list.data && <Chart sessions={list.data.items} from={from} to={to} now={now} />}
      {typeof list.data?.next === "string" && <p className="small soft">{texts.sessions.truncated(list.data.items.length)}</p>}
    </>
  );
};

interface ChartProps {
  sessions: readonly PrivilegedSession[];
  from: Date;
  to: Date;
  now: Date;
}

const Chart = ({ sessions, from, to, now }: ChartProps) => {
  const accounts = byAccount(sessions);
  if (accounts.length === 0) return <EmptyState title={texts.sessions.timelineEmpty} hint={texts.sessions.timelineEmptyHint} />;
  const share = (at: Date): number => (at.getTime() - from.getTime()) / (to.getTime() - from.getTime());
  const days = Array.from({ length: DAYS }, (_day, index) => addDays(from, index));
  const nowShare = share(now);
  return (
    <div className={classes["scroll"]}>
      <div className={classes["chart"]}>
        <div className={classes["days"]} aria-hidden>
          {days.map((day) => (
            <span key={day.toISOString()} data-today={day.toDateString() === now.toDateString() || undefined}>
              {dayText(day)}
            </span>
          ))}
        </div>
        <ul className={classes["accounts"]}>
          {accounts.map(({ id, name, lanes }) => (
            <li key={id} className={classes["account"]}>
              <span className={classes["name"]}>{name}</span>
              <div className={classes["lanes"]} style={{ "--days": DAYS } as CSSProperties}>
                {nowShare > 0 && nowShare < 1 && <span className={classes["now"]} style={{ left: `${nowShare * 100}%` }} aria-hidden />}
                {lanes.map((lane, index) => (
                  <LaneRow key={index} lane={lane} share={share} now={now} />
                ))}
              </div>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
};

const LaneRow = ({ lane, share, now }: { lane: Lane; share: (at: Date) => number; now: Date }) => (
  <div className={classes["lane"]}>
    {lane.map((session) => {
      const start = new Date(session.starts_at);
      const end = new Date(session.ends_at);
      const left = Math.max(0, share(start));
      const width = Math.min(1, share(end)) - left;
      const words = `${session.account.name}, ${texts.status[session.status]}, ${nameOf(session.user)}, ${spanText(start, end, now)}`;
      return (
        <Link
          key={session.id}
          to={paths.privilegedSession(session.id)}
          className={classes["bar"] ?? ""}
          data-status={session.status}
          style={{ left: `${left * 100}%`, width: `max(${width * 100}%, 6px)` }}
          aria-label={words}
          title={`${words}\n${session.reason}`}
        >
          <span>{nameOf(session.user)}</span>
          <span className={classes["bar-time"]}>{clockText(start)}</span>
        </Link>
      );
    })}
  </div>
);
