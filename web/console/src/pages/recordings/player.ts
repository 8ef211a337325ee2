/**
 * The player: what is shown, at which moment, of which document. It speaks with the replay frame by messages and knows
 * neither React nor the network, so that its rules can be tried alone.
 */
import type { Step } from "../../api/types";
import { type Focus, lastAt } from "./focus";
import type { Ask, Tell } from "./messages";

export type Picture = "connecting" | "loading" | "shown" | "none" | "failed";

export interface PlayerState {
  picture: Picture;
  playing: boolean;
  ended: boolean;
  offset_ms: number;
  /** Place in the list of steps; −1 before the first. */
  step: number;
  document_id: string | null;
  speed: number;
  skip_idle: boolean;
}

export interface Source {
  /** The recording's beginning, milliseconds since 1970. */
  start: number;
  post: (ask: Ask) => void;
  /** All events of a document, in order; `fresh` asks again while the recording goes on. */
  events: (documentId: string, fresh: boolean) => Promise<unknown[]>;
}

/** A moment that the frame reports so close to the asked one is the asked one. */
const SAME_MOMENT_MS = 120;

export class Player {
  #state: PlayerState = { picture: "connecting", playing: false, ended: false, offset_ms: 0, step: -1, document_id: null, speed: 1, skip_idle: true };
  #listeners = new Set<() => void>();
  #focus: readonly Focus[] = [];
  #steps: readonly Step[] = [];
  #live = false;
  #at = -1;
  #ready = false;
  #known = 0;
  /** Rises with each wish to show something; answers to older wishes come too late. */
  #wish = 0;
  /** Nobody asked for a moment yet: documents without a picture are passed over. */
  #opening = false;

  constructor(readonly source: Source) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): PlayerState => this.#state;

  /** What there is to show; again when more of it came. */
  setTimeline(focus: readonly Focus[], steps: readonly Step[], live: boolean): void {
    this.#focus = focus;
    this.#steps = steps;
    this.#live = live;
  }

  /** The frame speaks. */
  hear(tell: Tell): void {
    if (tell.type === "ready") {
      this.#ready = true;
      this.source.post({ type: "speed", speed: this.#state.speed });
      this.source.post({ type: "skip_idle", on: this.#state.skip_idle });
      void this.#show(this.#state.offset_ms, this.#at < 0 ? this.#placeOf(this.#state.offset_ms) : this.#at, this.#state.playing);
    } else if (tell.type === "time") this.#reached(tell.offset_ms);
    else if (tell.type === "end") void this.#finished();
    else if (tell.type === "error" && tell.what !== "bad_message") this.#set({ picture: tell.what === "no_events" ? "none" : "failed" });
  }

  /** The frame has not spoken in time. */
  giveUp(): void {
    if (!this.#ready) this.#set({ picture: "failed" });
  }

  /** Where nobody asks for a moment: the first document that has a picture. A page that was left before it was drawn has none. */
  open(): void {
    this.#opening = true;
    this.#set({ offset_ms: 0, step: lastAt(this.#steps, 0), ended: false });
    void this.#show(0, this.#placeOf(0), false);
  }

  play(): void {
    this.#opening = false;
    if (this.#state.ended) {
      void this.#show(0, this.#placeOf(0), true);
      return;
    }
    if (this.#state.picture === "none") {
      void this.#onward(true);
      return;
    }
    this.#set({ playing: true });
    this.source.post({ type: "play" });
    this.source.post({ type: "outline", node: null });
  }

  pause(): void {
    this.#set({ playing: false });
    this.source.post({ type: "pause" });
  }

  toggle(): void {
    if (this.#state.playing) this.pause();
    else this.play();
  }

  seek(offset: number): void {
    this.#opening = false;
    this.#set({ offset_ms: offset, step: lastAt(this.#steps, offset), ended: false });
    void this.#show(offset, this.#placeOf(offset), this.#state.playing);
  }

  /** Goes to a step, in the document in which it was done. */
  seekStep(index: number): void {
    const step = this.#steps[index];
    if (!step) return;
    this.#opening = false;
    this.#set({ offset_ms: step.offset_ms, step: index, ended: false });
    let place = this.#placeOf(step.offset_ms);
    // Steps at the same moment in two tabs: the one that was asked for.
    while (place > 0 && this.#focus[place]?.document_id !== step.document_id && this.#focus[place - 1]?.offset_ms === step.offset_ms) place -= 1;
    void this.#show(step.offset_ms, place, this.#state.playing).then(() => this.source.post({ type: "outline", node: step.node ?? null }));
  }

  neighbour(direction: 1 | -1): void {
    const index = this.#state.step + direction;
    if (index >= 0 && index < this.#steps.length) this.seekStep(index);
  }

  setSpeed(speed: number): void {
    this.#set({ speed });
    this.source.post({ type: "speed", speed });
  }

  setSkipIdle(on: boolean): void {
    this.#set({ skip_idle: on });
    this.source.post({ type: "skip_idle", on });
  }

  #placeOf(offset: number): number {
    return Math.max(0, lastAt(this.#focus, offset));
  }

  #set(changed: Partial<PlayerState>): void {
    this.#state = { ...this.#state, ...changed };
    for (const listener of this.#listeners) listener();
  }

  #reached(offset: number): void {
    const { picture, playing, step, offset_ms } = this.#state;
    // While the next document is on its way the frame still speaks of the last one.
    if (picture === "loading") return;
    if (Math.abs(offset - offset_ms) < SAME_MOMENT_MS && !playing) return;
    const next = this.#focus[this.#at + 1];
    if (playing && next && offset >= next.offset_ms) {
      void this.#show(next.offset_ms, this.#at + 1, true);
      return;
    }
    const reached = lastAt(this.#steps, offset);
    this.#set({ offset_ms: offset, step: playing || reached !== step ? reached : step });
  }

  /** The document has no more: on with the next one, or with what came meanwhile, or the end. */
  async #finished(): Promise<void> {
    const { playing, picture, document_id } = this.#state;
    if (!playing || picture === "loading") return;
    if (this.#focus[this.#at + 1]) {
      await this.#onward(true);
      return;
    }
    const wish = this.#wish;
    if (this.#live && document_id !== null) {
      const events = await this.source.events(document_id, true).catch(() => []);
      if (wish !== this.#wish) return;
      if (events.length > this.#known) {
        this.source.post({ type: "append", events: events.slice(this.#known) });
        this.#known = events.length;
        this.source.post({ type: "play" });
        return;
      }
    }
    this.#set({ playing: false, ended: true });
  }

  async #onward(playing: boolean): Promise<void> {
    const next = this.#focus[this.#at + 1];
    if (next) await this.#show(next.offset_ms, this.#at + 1, playing);
    else if (playing) this.#set({ playing: false, ended: true });
  }

  async #show(offset: number, place: number, playing: boolean): Promise<void> {
    this.#wish += 1;
    const wish = this.#wish;
    this.#at = place;
    const document = this.#focus[place]?.document_id ?? null;
    const step = lastAt(this.#steps, offset);
    this.#set({ offset_ms: offset, playing, ended: false, ...(Math.abs((this.#steps[this.#state.step]?.offset_ms ?? -1) - offset) < 1 ? {} : { step }) });
    if (!this.#ready) return;
    if (document === null) {
      this.#set({ picture: "none", document_id: null, playing: false });
      return;
    }
    if (document === this.#state.document_id && this.#state.picture === "shown") {
      this.source.post({ type: "seek", offset_ms: offset });
      if (playing) this.source.post({ type: "play" });
      return;
    }
    this.source.post({ type: "pause" });
    this.#set({ picture: "loading", document_id: document });
    const events = await this.source.events(document, false).catch(() => null);
    if (wish !== this.#wish) return;
    if (events === null || events.length < 2) {
      this.#set({ picture: events === null ? "failed" : "none" });
      if (playing || this.#opening) await this.#onward(playing);
      return;
    }
    this.#opening = false;
    this.#known = events.length;
    this.source.post({ type: "load", events, start: this.source.start, offset_ms: offset });
    this.#set({ picture: "shown" });
    if (playing) this.source.post({ type: "play" });
  }
}
