// Takes out of the pinned @rrweb/record what is never used here (canvas and cross-origin frames: 4 KiB and a Blob at
// start), and puts one call in: the guard that may refuse a huge batch of mutations before it is serialised.
// Each cut names the text it begins and ends with; when a new version moves them, the build fails.
import { readFile } from "node:fs/promises";

const CUTS = [
  {
    from: "const canvasVarMap = /* @__PURE__ */ new Map();",
    to: "class StylesheetManager {",
    put: "class CanvasManager { reset() {} freeze() {} unfreeze() {} lock() {} unlock() {} }\n",
  },
  {
    from: "class CrossOriginIframeMirror {",
    to: "class IframeManager {",
    put: "class CrossOriginIframeMirror {}\n",
  },
  {
    from: "  handleMessage(message) {\n    const crossOriginMessageEvent",
    to: "class ShadowDomManager {",
    put: "  handleMessage() {}\n}\n",
  },
  {
    from: '    __publicField(this, "processMutations", (mutations) => {\n',
    to: "      mutations.forEach(this.processMutation);\n",
    put: '    __publicField(this, "processMutations", (mutations) => {\n      if (record.guard && record.guard(mutations)) return;\n',
  },
]
  // The hooks, the inlined pictures, the canvas's serialiser and the font observer are not used.
  .concat([
    // A frame that is blocked, because it records itself, is not serialised from here.
    {
      from: '  if (serializedNode.type === NodeType.Element && serializedNode.tagName === "iframe") {\n',
      to: "    onceIframeLoaded(\n      n,",
      put: '  if (serializedNode.type === NodeType.Element && serializedNode.tagName === "iframe" && !_isBlockedElement(n, blockClass, blockSelector)) {\n',
    },
    {
      from: "function slimDOMExcluded(sn, slimDOMOptions) {",
      to: "function serializeNodeWithId(n, options) {",
      put:
        "function slimDOMExcluded(sn) {\n  const a = sn.attributes;\n  return sn.type === NodeType.Comment || sn.tagName === 'script' ||\n" +
        "    sn.tagName === 'meta' && !!(a['http-equiv'] || /csrf|xsrf|token/i.test(a.name)) ||\n" +
        "    sn.tagName === 'link' && /preload|prefetch/.test(a.rel);\n}\n",
    },
    { from: '  if (tagName === "canvas" && recordCanvas) {', to: '  if (["audio", "video"].includes(tagName)) {', put: "" },
    { from: "class BaseRRNode {", to: "const DEPARTED_MIRROR_ACCESS_WARNING", put: "class BaseRRNode {}\nfunction on(type, fn, target = document) {\n  const options = { capture: true, passive: true };\n  target.addEventListener(type, fn, options);\n  return () => target.removeEventListener(type, fn, options);\n}\n" },
    { from: "const DEPARTED_MIRROR_ACCESS_WARNING", to: "function throttle(func, wait, options = {}) {", put: "" },
    { from: "function mergeHooks(o, hooks) {", to: "function initObservers(o, hooks = {}) {", put: "function mergeHooks() {}\n" },
    { from: "function initFontObserver({ fontCb, doc }) {", to: "function initSelectionObserver(param) {", put: "function initFontObserver() {\n  return () => {};\n}\n" },
  ]);

const index = (text, part) => {
  const at = text.indexOf(part);
  if (at < 0 || text.indexOf(part, at + 1) >= 0) throw new Error(`rrweb has changed: ${part.trim().slice(0, 60)}`);
  return at;
};

export const trim = (text) =>
  CUTS.reduce((left, cut) => left.slice(0, index(left, cut.from)) + cut.put + left.slice(index(left, cut.to)), text)
    // Fields are assigned as a browser of today can.
    .replace(/__publicField\(this, "(\w+)"\);/g, "")
    .replace(/__publicField\(this, "(\w+)", /g, "this.$1 = (");

export const rrwebTrim = {
  name: "rrweb-trim",
  setup(build) {
    build.onLoad({ filter: /@rrweb[\\/]record[\\/]dist[\\/]record\.js$/ }, async ({ path }) => ({
      contents: trim(await readFile(path, "utf8")),
      loader: "js",
    }));
    // Stand-ins for browsers without `Set` and `Array.from`.
    build.onLoad({ filter: /dom-accessibility-api[\\/]dist[\\/]polyfills[\\/]SetLike\.mjs$/ }, () => ({ contents: "export default Set;" }));
    build.onLoad({ filter: /dom-accessibility-api[\\/]dist[\\/]polyfills[\\/]array\.from\.mjs$/ }, () => ({ contents: "export default Array.from;" }));
  },
};
