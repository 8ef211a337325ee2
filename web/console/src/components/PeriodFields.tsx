/** Start and end of a list, with lengths that are one click away. */
import { texts } from "../texts";
import { Chips } from "../ui/Chips";
import { MomentField } from "../ui/MomentField";
import { zoneName } from "../ui/time";
import { useSearchState } from "../ui/useSearchState";
import { LENGTHS, NO_PERIOD, type Period } from "./period";
import classes from "./PeriodFields.module.css";

const words = texts.period;
const ANY = "any";
const PROBLEM = "period-problem";

interface Props {
  /** Null: any time. */
  period: Period | null;
  /** Whether the list may be about any time. */
  open?: boolean;
}

export const PeriodFields = ({ period, open = false }: Props) => {
  const [, set] = useSearchState();
  const change = (name: "start" | "end") => (at: Date) => {
    const start = name === "start" ? at : period?.start;
    const end = name === "end" ? at : period?.end;
    set({ start: start?.toISOString() ?? null, end: end?.toISOString() ?? null, days: null, after: null });
  };
  return (
    <div className={classes["period"]}>
      <MomentField label={words.start} value={period?.start ?? null} wrong={period?.backwards ? PROBLEM : undefined} onChange={change("start")} />
      <MomentField label={words.end} value={period?.until ?? null} onChange={change("end")} />
      <div className={classes["lengths"]}>
        <Chips
          single
          label={words.length}
          options={[...(open ? [{ value: ANY, label: words.anyTime }] : []), ...LENGTHS.map((days) => ({ value: String(days), label: words.days(days) }))]}
          chosen={period === null ? [ANY] : period.days === null ? [] : [String(period.days)]}
          onChange={([days]) => set(days === ANY ? { ...NO_PERIOD, after: null } : { days: days ?? null, start: null, after: null })}
        />
        {period !== null && period.end !== null && (
          <button type="button" className="text-button" onClick={() => set({ end: null, start: null, after: null })}>
            {words.untilNow}
          </button>
        )}
      </div>
      {period?.backwards && (
        <p id={PROBLEM} className={classes["problem"]} role="alert">
          {words.backwards(zoneName())}
        </p>
      )}
    </div>
  );
};
