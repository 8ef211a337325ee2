/** A window of time as a bar on a time axis, with a marker where now is. */
import type { CSSProperties } from "react";

import classes from "./WindowBar.module.css";

export type BarTone = "muted" | "info" | "live" | "warn" | "good" | "bad";

interface Props {
  from: Date;
  to: Date;
  now: Date;
  tone: BarTone;
  /** Said to those who do not see the bar. */
  label: string;
  /** Thicker, with room around the window. */
  large?: boolean;
}

/** Room on the axis before and after the window, as a part of its length. */
const ROOM = 0.08;

const share = (at: Date, from: Date, to: Date): number => (at.getTime() - from.getTime()) / Math.max(1, to.getTime() - from.getTime());
const clamp = (value: number): number => Math.min(1, Math.max(0, value));
const percent = (value: number): string => `${(value * 100).toFixed(2)}%`;

export const WindowBar = ({ from, to, now, tone, label, large = false }: Props) => {
  const done = share(now, from, to);
  const scale = (value: number): number => (value + ROOM) / (1 + 2 * ROOM);
  const style = { "--bar-from": percent(scale(0)), "--bar-to": percent(scale(1)), "--bar-done": percent(clamp(done)), "--bar-now": percent(scale(done)) } as CSSProperties;
  const near = done > -ROOM && done < 1 + ROOM;
  return (
    <div className={classes["axis"]} data-tone={tone} data-large={large || undefined} style={style} role="img" aria-label={label}>
      <div className={classes["window"]}>
        <div className={classes["done"]} />
      </div>
      {near && <div className={classes["now"]} />}
    </div>
  );
};
