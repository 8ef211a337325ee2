/**
 * An export from the server to the person's disk: piece by piece into the browser's own storage, and from there to the
 * downloads when it is whole. So the page can say how far it is and stop it, memory stays constant, and a file that
 * was broken off never looks like one that is complete. A browser without that storage gets a plain link.
 */
import { address, type Query } from "../api/client";
import { ApiProblem } from "../api/problem";
import { type ExportFormat, fileNameOf, rowCounter } from "./rows";

/** Where pieces are kept until the file is whole. */
const FOLDER = "exports";
/** The browser copies the file after it was offered; it is thrown away after this. */
const KEEP_MS = 10 * 60_000;
/** How often the page is told how far it is. */
const TELL_MS = 100;
const TOTAL_HEADER = "Chaperone-Total-Rows";

export interface Progress {
  rows: number | null;
  total: number | null;
  bytes: number;
}

export interface ExportRequest {
  path: string;
  query: Query;
  format: ExportFormat;
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

/** Whether exports can be followed here: a secure page in a browser that stores files. */
export const canFollow = (): boolean => typeof navigator.storage?.getDirectory === "function" && "FileSystemFileHandle" in window && "createWritable" in FileSystemFileHandle.prototype;

/** For a browser that cannot: it downloads the link and shows its own progress. */
export const exportLink = (path: string, query: Query, format: ExportFormat): string => address(path, { ...query, format });

const folder = async (): Promise<FileSystemDirectoryHandle> => (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });

/** Throws away what earlier exports left, such as of a page that was closed in the middle. */
const clearOld = async (place: FileSystemDirectoryHandle): Promise<void> => {
  for await (const [name, entry] of place.entries()) {
    const old = entry.kind === "file" && (await (entry as FileSystemFileHandle).getFile()).lastModified < Date.now() - KEEP_MS;
    if (old) await place.removeEntry(name).catch(() => undefined);
  }
};

/** Throws away everything: whoever signs out leaves no list behind. */
export const forgetExports = async (): Promise<void> => {
  if (canFollow()) await (await navigator.storage.getDirectory()).removeEntry(FOLDER, { recursive: true }).catch(() => undefined);
};

export const streamExport = async ({ path, query, format, signal, onProgress }: ExportRequest): Promise<Progress & { name: string }> => {
  const response = await fetch(exportLink(path, query, format), { credentials: "same-origin", cache: "no-store", signal }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    throw ApiProblem.unreachable();
  });
  if (!response.ok || response.body === null) throw await ApiProblem.of(response);
  const name = fileNameOf(response.headers.get("Content-Disposition"), `export.${format}`);
  const said = response.headers.get(TOTAL_HEADER);
  const progress: Progress = { rows: rowCounter(format).rows(), total: said === null ? null : Number(said), bytes: 0 };
  const place = await folder();
  await clearOld(place);
  const kept = `${crypto.randomUUID()}.${format}`;
  const handle = await place.getFileHandle(kept, { create: true });
  try {
    const writable = await handle.createWritable();
    await response.body.pipeThrough(counted(format, progress, onProgress)).pipeTo(writable, { signal });
  } catch (error) {
    await place.removeEntry(kept).catch(() => undefined);
    throw signal.aborted ? error : brokenOff(error);
  }
  offer(await handle.getFile(), name);
  setTimeout(() => void place.removeEntry(kept).catch(() => undefined), KEEP_MS);
  return { ...progress, name };
};

/** Passes the bytes on and says how far they are. */
const counted = (format: ExportFormat, progress: Progress, tell: (progress: Progress) => void): TransformStream<Uint8Array, Uint8Array> => {
  const counter = rowCounter(format);
  let told = 0;
  return new TransformStream({
    transform: (bytes, controller) => {
      counter.read(bytes);
      progress.bytes += bytes.byteLength;
      progress.rows = counter.rows();
      controller.enqueue(bytes);
      if (Date.now() - told < TELL_MS) return;
      told = Date.now();
      tell({ ...progress });
    },
    flush: () => tell({ ...progress }),
  });
};

/** Storage that is full is said as such; everything else is a connection that broke. */
const brokenOff = (error: unknown): ApiProblem =>
  error instanceof DOMException && error.name === "QuotaExceededError"
    ? new ApiProblem(0, "no-space", "The export does not fit.", "The browser has no room for it. Choose a shorter time, or free space on this machine.")
    : new ApiProblem(0, "broken-off", "The export broke off.", "The connection ended before the file was whole, and nothing was kept. Try again.");

const offer = (file: File, name: string): void => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEEP_MS);
};
