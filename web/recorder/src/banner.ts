/**
 * The sign that this page is recorded. It floats over the page in a closed shadow root: the page's layout does not
 * move, its styles do not reach in, and the recording does not show it.
 */
import { natives } from "./natives";
import { ownClass } from "./snapshots";
import type { Banner } from "./transport";

/** From here on the time left is shown in amber. */
const SOON_MS = 5 * 60_000;
const OVER = "The session is over: nothing goes through any more.";
const STOPPED = "Recording has stopped; changes are blocked. Reload the page.";

const STYLE = `
:host{all:initial;position:fixed;width:0;height:0;top:0;left:0;z-index:2147483647}
.b{position:fixed;bottom:14px;left:50%;transform:translateX(-50%);display:flex;align-items:center;gap:10px;box-sizing:border-box;max-width:calc(100vw - 24px);padding:5px 6px 5px 12px;border-radius:999px;font:500 12.5px/1.4 system-ui,sans-serif;color:#1d2126;background:#fffffff2;box-shadow:0 0 0 1px #0000001a,0 6px 22px #0003;cursor:grab;user-select:none;touch-action:none;white-space:nowrap}
.b.up{bottom:auto;top:14px}
i{flex:none;width:9px;height:9px;border-radius:50%;background:#e5242a;animation:p 2s infinite}
span{overflow:hidden;text-overflow:ellipsis}
.t{font-variant-numeric:tabular-nums;opacity:.72}
a,button{all:unset;cursor:pointer;border-radius:999px;padding:2px 10px;color:inherit;background:#0000000f}
a:hover,button:hover{background:#0000001f}
a:focus-visible,button:focus-visible{outline:2px solid #2f6fed}
button{padding:2px 8px}
.s .t{opacity:1;color:#9a5b00;font-weight:650}
.s i{background:#f08c00}
.c{padding:7px}
.c>:not(i){display:none}
.x{pointer-events:none;position:fixed;top:0;left:0;right:0;padding:9px 16px;text-align:center;font:600 14px/1.4 system-ui,sans-serif;color:#fff;background:#c9191f}
@keyframes p{50%{opacity:.35}}
@media (prefers-color-scheme:dark){.b{color:#f1f3f5;background:#22262bf2;box-shadow:0 0 0 1px #ffffff24,0 6px 22px #0008}a,button{background:#ffffff1c}a:hover,button:hover{background:#ffffff30}.s .t{color:#ffc266}}
@media (prefers-reduced-motion:reduce){i{animation:none}}
@media print{.b{display:none}}
`;

/** `1:02:03`, `12:04`: what is left. */
export const left = (milliseconds: number): string => {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (count: number): string => String(count).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return minutes >= 60 ? `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
};

const make = <K extends keyof HTMLElementTagNameMap>(tag: K, className = "", text = ""): HTMLElementTagNameMap[K] => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
};

export class BannerView {
  readonly #host = make("div", ownClass);
  readonly #root = this.#host.attachShadow({ mode: "closed" });
  readonly #bar = make("div", "b");
  readonly #who = make("span");
  readonly #time = make("span", "t");
  readonly #back = make("a", "", "Hand back");
  #ends = 0;
  /** The server's clock less ours. */
  #ahead = 0;
  #timer = 0;
  #stopped = false;

  constructor() {
    // A constructed sheet: a page's policy against inline styles does not touch it.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [sheet];
    this.#bar.setAttribute("role", "status");
    this.#bar.setAttribute("aria-label", "This page is recorded");
    const fold = make("button", "", "–");
    fold.setAttribute("aria-label", "Make smaller");
    fold.addEventListener("click", (event) => {
      event.stopPropagation();
      this.#bar.classList.add("c");
    });
    this.#back.target = "_blank";
    this.#back.rel = "noopener";
    this.#bar.append(make("i"), this.#who, this.#time, this.#back, fold);
    this.#root.append(this.#bar);
    this.#drag();
  }

  owns(element: Element): boolean {
    return element === this.#host;
  }

  show(banner: Banner | null): void {
    if (this.#stopped) return;
    // What was shown is gone: the sign-in has ended while the page was open.
    if (!banner && this.#ends) return this.#notice(OVER);
    if (!banner?.recording) return;
    this.#who.textContent = `Recording · ${banner.account}`;
    this.#bar.title = `${banner.user} as ${banner.account}: ${banner.reason}`;
    if (/^https?:/.test(banner.console_url)) this.#back.href = banner.console_url;
    this.#ends = Date.parse(banner.ends_at);
    this.#ahead = Date.parse(banner.now) - natives.clock();
    this.#attach();
    this.#tick();
  }

  stop(): void {
    this.#notice(STOPPED);
  }

  #notice(text: string): void {
    this.#stopped = true;
    natives.clearTimeout(this.#timer);
    const notice = make("div", "x", text);
    notice.setAttribute("role", "alert");
    this.#root.replaceChildren(notice);
    this.#attach();
  }

  #attach(): void {
    // Beside the body: what the application draws there stays its own.
    if (!this.#host.isConnected) document.documentElement?.append(this.#host);
  }

  #tick(): void {
    natives.clearTimeout(this.#timer);
    if (!Number.isFinite(this.#ends)) return;
    const rest = this.#ends - natives.clock() - this.#ahead;
    this.#time.textContent = `${left(rest)} left`;
    this.#bar.classList.toggle("s", rest < SOON_MS);
    this.#timer = natives.setTimeout(() => this.#tick(), 1000);
  }

  #drag(): void {
    let from: { x: number; y: number; left: number } | null = null;
    let moved = false;
    const bar = this.#bar;
    bar.addEventListener("pointerdown", (event) => {
      if ((event.target as Element).matches("a,button")) return;
      const box = bar.getBoundingClientRect();
      from = { x: event.clientX, y: event.clientY, left: box.left + box.width / 2 };
      moved = false;
      bar.setPointerCapture(event.pointerId);
    });
    bar.addEventListener("pointermove", (event) => {
      if (!from || Math.hypot(event.clientX - from.x, event.clientY - from.y) < 4) return;
      moved = true;
      bar.style.left = `${Math.min(Math.max(from.left + event.clientX - from.x, 40), innerWidth - 40)}px`;
      bar.classList.toggle("up", event.clientY < innerHeight / 2);
    });
    bar.addEventListener("pointerup", () => {
      from = null;
      if (!moved) bar.classList.remove("c");
    });
  }
}
