/**
 * The script's own tag: it carries the document's id and key. It is read once and removed, so that nothing of it is
 * left where the page or the recording could find it.
 */
import { fromBase64Url } from "./bytes";

const DOCUMENT_ID_BYTES = 16;
const KEY_BYTES = 32;

export interface Tag {
  readonly document: Uint8Array;
  readonly key: Uint8Array;
}

export const takeTag = (): Tag | null => {
  const script = document.currentScript as HTMLScriptElement | null;
  const text = script?.dataset["c"];
  script?.remove();
  if (!text) return null;
  const bytes = fromBase64Url(text);
  if (bytes.length !== DOCUMENT_ID_BYTES + KEY_BYTES) return null;
  return { document: bytes.slice(0, DOCUMENT_ID_BYTES), key: bytes.slice(DOCUMENT_ID_BYTES) };
};
