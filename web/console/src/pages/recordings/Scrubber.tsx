/** The recording as one line: a tick for each step, a lower one for each change, bands where nothing happened. */
import { type KeyboardEvent, type PointerEvent, useMemo, useRef } from "react";

import type { Exchange, Step } from "../../api/types";
import { texts } from "../../texts";
import { offsetText, SECOND } from "../../ui/time";
import { type Focus, gapsOf } from "./focus";
import classes from "./Scrubber.module.css";

interface Props {
  duration: number;
  offset: number;
  steps: readonly Step[];
  exchanges: readonly Exchange[];
  focus: readonly Focus[];
  onSeek: (offset: number) => void;
}

/** The drawing's own units across; it is stretched to the width that there is. */
const UNITS = 10_000;
const KEY_STEP_MS = 5 * SECOND;

const ticks = (offsets: readonly number[], duration: number, top: number, bottom: number): string => {
  const places = new Set(offsets.map((offset) => Math.round((Math.min(offset, duration) / duration) * UNITS)));
  return [...places].map((x) => `M${x} ${top}V${bottom}`).join("");
};

export const Scrubber = ({ duration, offset, steps, exchanges, focus, onSeek }: Props) => {
  const line = useRef<HTMLDivElement>(null);
  const drawing = useMemo(() => {
    const changes = exchanges.filter((exchange) => exchange.kind === "change");
    const odd = changes.filter((exchange) => exchange.outcome === "refused" || !exchange.explained);
    return {
      steps: ticks(steps.map((one) => one.offset_ms), duration, 4, 20),
      changes: ticks(changes.map((one) => one.offset_ms), duration, 24, 36),
      odd: ticks(odd.map((one) => one.offset_ms), duration, 24, 36),
      pages: ticks(focus.slice(1).map((one) => one.offset_ms), duration, 0, 40),
      gaps: gapsOf(duration, steps, exchanges),
    };
  }, [duration, steps, exchanges, focus]);

  const seekTo = (event: PointerEvent): void => {
    const box = line.current?.getBoundingClientRect();
    if (box) onSeek(Math.round(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * duration));
  };
  const onKey = (event: KeyboardEvent): void => {
    const moves: Record<string, number> = { ArrowRight: offset + KEY_STEP_MS, ArrowUp: offset + KEY_STEP_MS, ArrowLeft: offset - KEY_STEP_MS, ArrowDown: offset - KEY_STEP_MS, Home: 0, End: duration };
    const wanted = moves[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    onSeek(Math.min(duration, Math.max(0, wanted)));
  };
  const share = Math.min(100, (offset / duration) * 100);

  return (
    <div
      ref={line}
      className={classes["scrubber"]}
      role="slider"
      tabIndex={0}
      aria-label={texts.player.position}
      aria-valuemin={0}
      aria-valuemax={Math.round(duration / SECOND)}
      aria-valuenow={Math.round(offset / SECOND)}
      aria-valuetext={`${offsetText(offset)} / ${offsetText(duration)}`}
      onKeyDown={onKey}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        seekTo(event);
      }}
      onPointerMove={(event) => event.buttons === 1 && seekTo(event)}
    >
      <svg className={classes["drawing"]} viewBox={`0 0 ${UNITS} 40`} preserveAspectRatio="none" aria-hidden>
        {drawing.gaps.map(({ from, to }) => (
          <rect key={from} className={classes["gap"]} x={(from / duration) * UNITS} width={((to - from) / duration) * UNITS} y={0} height={40} />
        ))}
        <path className={classes["page"]} d={drawing.pages} />
        <path className={classes["step"]} d={drawing.steps} />
        <path className={classes["change"]} d={drawing.changes} />
        <path className={classes["odd"]} d={drawing.odd} />
      </svg>
      <div className={classes["done"]} style={{ width: `${share}%` }} />
      <div className={classes["head"]} style={{ left: `${share}%` }} />
    </div>
  );
};

export const Legend = () => (
  <span className={classes["legend"]}>
    <span data-tone="step">{texts.player.legend.step}</span>
    <span data-tone="change">{texts.player.legend.write}</span>
    <span data-tone="odd">{texts.player.legend.refused}</span>
    <span data-tone="gap">{texts.player.legend.gap}</span>
  </span>
);
