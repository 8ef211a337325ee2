/**
 * One replay on the stage: an rrweb replayer, its clock translated to offsets of the recording, scaled to what the
 * frame gives it.
 *
 * A recording has many documents. Those that follow each other play from one list of events: each begins with a full
 * snapshot, which clears the stage. Tabs open at the same time are loaded one at a time.
 */
import { Replayer } from "@rrweb/replay";
import type { eventWithTime } from "@rrweb/types";
import type { State, Tell } from "./messages";

/** A moment is shown with what happened up to just before it: to show an event, go this much behind it. */
const AFTER_MS = 1;
/** Nothing done for so long counts as idle. */
const IDLE_MS = 5000;
/** The clock is told so often while it runs. */
const TICK_MS = 100;

const META = 4;
const FULL_SNAPSHOT = 2;

export class Stage {
  readonly #root: HTMLElement;
  readonly #tell: (message: Tell) => void;
  #replayer: Replayer | null = null;
  #state: State = "empty";
  #first = 0;
  #start = 0;
  /** The replayer's time from which on the first snapshot is shown. */
  #shownFrom = 0;
  #live = false;
  #speed = 1;
  #skipIdle = false;
  #size = { width: 0, height: 0 };
  #ticked = 0;
  #outline: HTMLElement | null = null;

  constructor(root: HTMLElement, tell: (message: Tell) => void) {
    this.#root = root;
    this.#tell = tell;
    new ResizeObserver(() => this.#fit()).observe(root);
    const tick = (now: number): void => {
      requestAnimationFrame(tick);
      if (this.#state !== "playing" || now - this.#ticked < TICK_MS) return;
      this.#ticked = now;
      this.#tellTime();
    };
    requestAnimationFrame(tick);
  }

  load(events: eventWithTime[], start: number | undefined, offset: number | undefined, live: boolean): void {
    this.clear();
    const sorted = [...events].sort((a, b) => a.timestamp - b.timestamp);
    const first = sorted[0];
    // Without a snapshot there is nothing to show changes on.
    const snapshot = sorted.find((event) => event.type === FULL_SNAPSHOT);
    if (!first || !snapshot || sorted.length < 2) {
      this.#tell({ type: "error", what: "no_events", detail: "There is no snapshot in these events." });
      return;
    }
    this.#first = first.timestamp;
    this.#shownFrom = snapshot.timestamp - first.timestamp + AFTER_MS;
    this.#start = start ?? first.timestamp;
    this.#live = live;
    const meta = sorted.find((event) => event.type === META);
    if (meta) this.#resize(meta.data as { width: number; height: number });
    const replayer = new Replayer(sorted, {
      root: this.#root,
      speed: this.#speed,
      skipInactive: this.#skipIdle,
      inactivePeriodThreshold: IDLE_MS,
      showWarning: false,
      showDebug: false,
      mouseTail: false,
      triggerFocus: false,
      pauseAnimation: true,
      UNSAFE_replayCanvas: false,
    });
    this.#replayer = replayer;
    replayer.on("resize", (size) => this.#resize(size as { width: number; height: number }));
    replayer.on("finish", () => {
      if (this.#replayer !== replayer) return;
      this.#set("ended");
      this.#tellTime();
      this.#tell({ type: "end" });
    });
    this.#fit();
    if (live) this.play(this.#duration());
    else this.seek(offset ?? this.#first - this.#start);
  }

  append(events: eventWithTime[]): void {
    const replayer = this.#replayer;
    if (!replayer) {
      this.#tell({ type: "error", what: "no_events", detail: "Nothing is loaded to append to." });
      return;
    }
    const before = this.#duration();
    const wasAtEnd = this.#state === "ended";
    for (const event of events) replayer.addEvent(event);
    if (wasAtEnd && this.#live) this.play(before);
    else this.#set(wasAtEnd ? "paused" : this.#state);
  }

  play(offset?: number): void {
    const replayer = this.#replayer;
    if (!replayer) return;
    this.outline(null);
    const from = offset === undefined ? (this.#state === "ended" ? this.#shownFrom : replayer.getCurrentTime()) : this.#inside(offset);
    this.#set("playing");
    replayer.play(from);
  }

  pause(): void {
    if (this.#state !== "playing") return;
    this.#replayer?.pause();
    this.#set("paused");
    this.#tellTime();
  }

  seek(offset: number): void {
    const replayer = this.#replayer;
    if (!replayer) return;
    this.outline(null);
    if (this.#state === "playing") {
      replayer.play(this.#inside(offset));
    } else {
      replayer.pause(this.#inside(offset));
      this.#set("paused");
    }
    this.#tellTime();
  }

  speed(speed: number): void {
    this.#speed = speed;
    this.#replayer?.setConfig({ speed });
  }

  skipIdle(on: boolean): void {
    this.#skipIdle = on;
    this.#replayer?.setConfig({ skipInactive: on });
  }

  /** Draws a frame around a node of the recording. */
  outline(node: number | null): void {
    this.#outline?.remove();
    this.#outline = null;
    const element = node === null ? null : this.#replayer?.getMirror().getNode(node);
    if (!element || !this.#replayer || !("getBoundingClientRect" in element)) return;
    (element as Element).scrollIntoView({ block: "nearest", inline: "nearest" });
    const box = (element as Element).getBoundingClientRect();
    const outline = document.createElement("div");
    outline.className = "chaperone-outline";
    Object.assign(outline.style, {
      left: `${box.left - 4}px`, top: `${box.top - 4}px`, width: `${box.width + 8}px`, height: `${box.height + 8}px`,
    });
    this.#replayer.wrapper.append(outline);
    this.#outline = outline;
  }

  clear(): void {
    this.outline(null);
    const replayer = this.#replayer;
    this.#replayer = null;
    try {
      replayer?.destroy();
    } finally {
      this.#root.replaceChildren();
    }
    this.#set("empty");
  }

  #duration(): number {
    return this.#replayer ? this.#first - this.#start + this.#replayer.getMetaData().totalTime : 0;
  }

  /** An offset of the recording as a time of the replayer, kept inside what there is. */
  #inside(offset: number): number {
    const total = this.#replayer?.getMetaData().totalTime ?? 0;
    return Math.min(Math.max(offset + this.#start - this.#first, this.#shownFrom), total + AFTER_MS);
  }

  #tellTime(): void {
    if (!this.#replayer) return;
    this.#tell({ type: "time", offset_ms: Math.min(Math.round(this.#first - this.#start + this.#replayer.getCurrentTime()), this.#duration()) });
  }

  #set(state: State): void {
    this.#state = state;
    this.#tell({ type: "state", state, duration_ms: this.#duration() });
  }

  #resize(size: { width: number; height: number }): void {
    this.#size = { width: size.width, height: size.height };
    this.#tell({ type: "size", ...this.#size });
    this.#fit();
  }

  #fit(): void {
    const wrapper = this.#replayer?.wrapper;
    const { width, height } = this.#size;
    if (!wrapper || !width || !height) return;
    const scale = Math.min(this.#root.clientWidth / width, this.#root.clientHeight / height, 1);
    const left = Math.max(0, (this.#root.clientWidth - width * scale) / 2);
    Object.assign(wrapper.style, { width: `${width}px`, height: `${height}px`, transform: `translate(${left}px, 0) scale(${scale})` });
  }
}
