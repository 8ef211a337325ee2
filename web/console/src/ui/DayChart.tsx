/** Counts over days as quiet bars. Those who do not see them get the same as a table. */
import { type Bar, barsOf, type DayCount, labelled, ticksFor, type Unit } from "./day-chart";
import classes from "./DayChart.module.css";

interface Words {
  caption: string;
  day: string;
  count: string;
  people: string;
  /** What a bar is, in a sentence for its title. */
  bar: (days: string, count: number, people: number | null) => string;
  unit: Record<Unit, string>;
}

interface Props {
  counts: readonly DayCount[];
  /** The first and the last day of the axis, as `2026-11-21`. */
  first: string;
  last: string;
  words: Words;
}

/** Labels under the axis: on a narrow screen every other one is left out. */
const LABELS = 8;

const short = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const withWeekday = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const monthOnly = new Intl.DateTimeFormat("en-GB", { month: "short", year: "2-digit", timeZone: "UTC" });

const at = (day: string): Date => new Date(`${day}T12:00:00Z`);
const labelOf = (bar: Bar, unit: Unit): string => (unit === "month" ? monthOnly : short).format(at(bar.from));
const daysOf = (bar: Bar): string => (bar.from === bar.to ? withWeekday.format(at(bar.from)) : `${short.format(at(bar.from))} – ${short.format(at(bar.to))}`);

export const DayChart = ({ counts, first, last, words }: Props) => {
  const { unit, bars } = barsOf(counts, first, last);
  const ticks = ticksFor(Math.max(0, ...bars.map(({ count }) => count)));
  const top = ticks.at(-1) ?? 1;
  const labels = labelled(bars.length, LABELS);
  return (
    <figure className={classes["chart"]}>
      <div className={classes["plot"]} aria-hidden>
        {ticks.map((tick) => (
          <span key={tick} className={classes["tick"]} style={{ bottom: `${(tick / top) * 100}%` }}>
            <span>{tick.toLocaleString("en-GB")}</span>
          </span>
        ))}
        <div className={classes["bars"]}>
          {bars.map((bar, index) => (
            <span key={bar.from} className={classes["slot"]} title={words.bar(daysOf(bar), bar.count, bar.people)}>
              <span className={classes["bar"]} data-none={bar.count === 0 || undefined} style={{ height: `${(bar.count / top) * 100}%` }} />
              {labels.includes(index) && <span className={classes["label"]} data-spare={labels.indexOf(index) % 2 === 1 || undefined}>{labelOf(bar, unit)}</span>}
            </span>
          ))}
        </div>
      </div>
      <figcaption className={classes["caption"]}>{words.unit[unit]}</figcaption>
      <table className="visually-hidden">
        <caption>{words.caption}</caption>
        <thead>
          <tr>
            <th scope="col">{words.day}</th>
            <th scope="col">{words.count}</th>
            {unit === "day" && <th scope="col">{words.people}</th>}
          </tr>
        </thead>
        <tbody>
          {bars.map((bar) => (
            <tr key={bar.from}>
              <th scope="row">{daysOf(bar)}</th>
              <td>{bar.count}</td>
              {unit === "day" && <td>{bar.people}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
};
