/** How many sign-ins there were, of whom, and on which days. */
import { useQuery } from "@tanstack/react-query";

import type { Query } from "../../api/client";
import * as queries from "../../api/queries";
import type { SignInTotals } from "../../api/types";
import type { Period } from "../../components/period";
import { Skeleton } from "../../components/Loaded";
import { ProblemNote } from "../../components/ProblemNote";
import { texts } from "../../texts";
import { DayChart } from "../../ui/DayChart";
import { Section } from "../../ui/Page";
import { hoursText, SECOND } from "../../ui/time";
import { useSearchState } from "../../ui/useSearchState";
import { dayOf, lastDay } from "./days";
import classes from "./SignIns.module.css";

const words = texts.signIns.totals;
/** People with the most sign-ins; the others are found by the filter. */
const PEOPLE = 5;

export const Totals = ({ period, filters }: { period: Period; filters: Query }) => {
  const totals = useQuery(queries.signInTotals(filters));
  if (totals.error && !totals.data) return <ProblemNote error={totals.error} onRetry={() => void totals.refetch()} />;
  if (!totals.data) return <Skeleton lines={3} />;
  if (totals.data.count === 0) return null;
  return (
    <Section title={words.title}>
      <div className={classes["totals"]}>
        <div>
          <Figures totals={totals.data} />
          <DayChart counts={totals.data.per_day.map(({ day, count, users }) => ({ day: dayOf(day), count, people: users }))} first={dayOf(period.start.toISOString())} last={lastDay(period.until)} words={words.chart} />
          {totals.data.days_are_cut && <p className="small soft">{words.cut}</p>}
        </div>
        <People totals={totals.data} />
      </div>
    </Section>
  );
};

const Figures = ({ totals }: { totals: SignInTotals }) => (
  <dl className={classes["figures"]}>
    <div>
      <dt>{words.signIns}</dt>
      <dd>{totals.count.toLocaleString("en-GB")}</dd>
    </div>
    <div>
      <dt>{words.people}</dt>
      <dd>{totals.users.toLocaleString("en-GB")}</dd>
    </div>
    {!totals.users_are_cut && (
      <div>
        <dt>{words.time}</dt>
        <dd>{hoursText(totals.per_user.reduce((all, { time_s }) => all + time_s, 0) * SECOND)}</dd>
      </div>
    )}
  </dl>
);

const People = ({ totals }: { totals: SignInTotals }) => {
  const [, set] = useSearchState();
  const more = totals.users - Math.min(PEOPLE, totals.per_user.length);
  return (
    <div className={classes["people"]}>
      <table>
        <caption className="visually-hidden">{words.caption}</caption>
        <thead>
          <tr>
            <th scope="col">{words.person}</th>
            <th scope="col" data-numeric>
              {words.signIns}
            </th>
            <th scope="col" data-numeric>
              {words.time}
            </th>
          </tr>
        </thead>
        <tbody>
          {totals.per_user.slice(0, PEOPLE).map((user) => (
            <tr key={user.user_id}>
              <td>
                <button type="button" className="text-button" title={words.only(user.display_name || user.user_name)} onClick={() => set({ user_id: user.user_id, user_name: null, after: null })}>
                  {user.display_name || user.user_name}
                </button>
              </td>
              <td data-numeric>{user.count.toLocaleString("en-GB")}</td>
              <td data-numeric>{hoursText(user.time_s * SECOND)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <span className="small soft">{words.more(more)}</span>}
    </div>
  );
};
