/**
 * The recorder: the first script of every recorded page.
 *
 * It takes its tag, says hello, and from then on tells the gateway what is done on the page. When anything in starting
 * fails it stays silent: without a hello the gateway blocks changes, and the page itself is not harmed.
 */
import { BannerView } from "./banner";
import { Seal } from "./mac";
import { listen, quietly, randomName, wrap } from "./natives";
import { watchNavigations } from "./navigations";
import { Requests, wrapFetch } from "./requests";
import { startSecrets, watchPasswords } from "./secrets";
import { Snapshots } from "./snapshots";
import { wrapSockets } from "./sockets";
import { Steps } from "./steps";
import { takeTag, type Tag } from "./tag";
import { type Answer, Transport } from "./transport";
import { wrapXhr } from "./xhr";

const start = ({ document: id, key }: Tag): void => {
  const seal = new Seal(id, key);
  const framed = window.top !== window;
  const banner = new BannerView();

  const transport = new Transport(id, seal, {
    answered(answer: Answer) {
      requests.setHosts(answer.hosts);
      if (!framed) banner.show(answer.banner);
      if (answer.commands.includes("snapshot")) snapshots.take();
    },
    locked: () => banner.stop(),
  });
  const degraded = (what: string): void => transport.add("h", { type: "degraded", what });
  const snapshots = new Snapshots((event, full) => transport.add("d", event, full), degraded);
  const steps: Steps = new Steps({
    emit: (step) => transport.add("s", step),
    sinceStart: () => transport.sinceStart(),
    nodeOf: (element) => snapshots.nodeOf(element),
    own: (element) => banner.owns(element),
  });
  const requests = new Requests(transport, seal, () => steps.lastSeq());

  transport.add("h", {
    type: "hello",
    url: location.href,
    title: document.title,
    referrer: document.referrer,
    user_agent: navigator.userAgent,
    viewport: [innerWidth, innerHeight],
    frame: framed,
  });
  transport.start();

  wrapFetch(requests);
  wrapXhr(requests);
  wrapSockets(requests);
  steps.wrapFunctions();
  watchFrames(requests, transport);
  watchShadows(degraded);

  // Listeners on the window and the document are lost when a script writes a whole new document.
  const canary = randomName();
  let alive = false;
  const arm = (): void => {
    window.addEventListener(canary, () => (alive = true));
    startSecrets();
    steps.listen();
    watchNavigations(requests, steps);
    watchLife(transport, steps, snapshots);
  };
  arm();
  const rearm = (): void => {
    alive = false;
    window.dispatchEvent(new Event(canary));
    if (alive) return;
    arm();
    snapshots.restart();
  };
  for (const name of ["open", "write", "writeln"]) {
    wrap(Document.prototype, name, (native, self, args) => {
      const result = native(...args);
      if (self === document) quietly(rearm);
      return result;
    });
  }

  snapshots.start();
};

/** Shown, gone, back again. */
const watchLife = (transport: Transport, steps: Steps, snapshots: Snapshots): void => {
  const shown = (): void => steps.note("page", document.title || location.pathname);
  if (document.readyState === "loading") listen("DOMContentLoaded", shown);
  else shown();
  listen("pagehide", () => {
    steps.flush();
    // What the page does in listeners of its own goes in a further tail.
    transport.leave();
  });
  listen("pageshow", (event) => {
    if (!(event as PageTransitionEvent).persisted) return;
    transport.revive();
    shown();
    snapshots.take();
  });
};

/** Frames from elsewhere are not recorded: the recording says so. */
const watchFrames = (requests: Requests, transport: Transport): void => {
  const told = new Set<string>();
  const look = (event: Event): void => {
    const frame = event.target;
    if (!(frame instanceof HTMLIFrameElement) || !frame.src) return;
    const url = new URL(frame.src, document.baseURI);
    if (!/^https?:|^data:/.test(url.protocol) || requests.ours(url) || told.has(url.origin + url.pathname)) return;
    told.add(url.origin + url.pathname);
    transport.add("h", { type: "frame", url: url.href.slice(0, 2000) });
  };
  listen("load", look, document);
};

/** Closed shadow roots cannot be recorded; the recording says so once. */
const watchShadows = (degraded: (what: string) => void): void => {
  let told = false;
  wrap(Element.prototype, "attachShadow", (native, _self, args) => {
    const root = native(...args) as ShadowRoot;
    quietly(() => {
      watchPasswords(root);
      if (root.mode === "closed" && !told) {
        told = true;
        degraded("closed_shadow_root");
      }
    });
    return root;
  });
};

quietly(() => {
  const tag = takeTag();
  if (tag) start(tag);
});
