/**
 * The replay frame. It shows recordings, which are hostile input, on an origin that holds nothing: no cookie, no key,
 * no way out (the page's policy allows no connection and no address but its own). It listens to the console alone.
 */
import "@rrweb/replay/dist/style.css";
import "./player.css";
import { type Ask, parseAsk, type Tell } from "./messages";
import { Stage } from "./stage";

/** The console's origin, from the address of this frame; null when it is not one. */
const consoleOrigin = (): string | null => {
  const given = new URLSearchParams(location.search).get("console");
  try {
    const url = new URL(given ?? "");
    return /^https?:$/.test(url.protocol) && url.origin === given ? url.origin : null;
  } catch {
    return null;
  }
};

const act = (stage: Stage, ask: Ask): void => {
  switch (ask.type) {
    case "load":
      return stage.load(ask.events, ask.start, ask.offset_ms, ask.live ?? false);
    case "append":
      return stage.append(ask.events);
    case "play":
      return stage.play(ask.offset_ms);
    case "pause":
      return stage.pause();
    case "seek":
      return stage.seek(ask.offset_ms);
    case "speed":
      return stage.speed(ask.speed);
    case "skip_idle":
      return stage.skipIdle(ask.on);
    case "outline":
      return stage.outline(ask.node);
  }
};

const origin = consoleOrigin();
const root = document.getElementById("stage");
if (origin && root && window.parent !== window) {
  const tell = (message: Tell): void => window.parent.postMessage(message, origin);
  const stage = new Stage(root, tell);
  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || event.origin !== origin) return;
    const ask = parseAsk(event.data);
    if (!ask) {
      tell({ type: "error", what: "bad_message", detail: "This message is not known or not whole." });
      return;
    }
    try {
      act(stage, ask);
    } catch (error) {
      tell({ type: "error", what: "replay_failed", detail: String(error) });
    }
  });
  tell({ type: "ready" });
}
