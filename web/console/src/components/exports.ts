/** The exports that run in this tab. They go on while somebody walks through the console. */
import { useSyncExternalStore } from "react";

import type { Query } from "../api/client";
import { type Progress, streamExport } from "./export-stream";
import type { ExportFormat } from "./rows";

export interface RunningExport {
  id: string;
  title: string;
  format: ExportFormat;
  state: "running" | "done" | "failed";
  progress: Progress;
  /** The file's name, when it is done. */
  name: string | null;
  error: unknown;
}

interface Wanted {
  title: string;
  path: string;
  query: Query;
  format: ExportFormat;
}

let running: readonly RunningExport[] = [];
const aborts = new Map<string, AbortController>();
const listeners = new Set<() => void>();

const put = (id: string, changed: Partial<RunningExport>): void => {
  running = running.map((one) => (one.id === id ? { ...one, ...changed } : one));
  for (const listener of listeners) listener();
};

export const startExport = ({ title, path, query, format }: Wanted): void => {
  const id = crypto.randomUUID();
  const abort = new AbortController();
  aborts.set(id, abort);
  running = [...running, { id, title, format, state: "running", progress: { rows: null, total: null, bytes: 0 }, name: null, error: null }];
  put(id, {});
  void streamExport({ path, query, format, signal: abort.signal, onProgress: (progress) => put(id, { progress }) })
    .then(
      ({ name, ...progress }) => put(id, { state: "done", name, progress }),
      (error: unknown) => (abort.signal.aborted ? dismissExport(id) : put(id, { state: "failed", error })),
    )
    .finally(() => aborts.delete(id));
};

/** Stops it; nothing of it is kept. */
export const cancelExport = (id: string): void => aborts.get(id)?.abort();

export const dismissExport = (id: string): void => {
  running = running.filter((one) => one.id !== id);
  put(id, {});
};

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const useExports = (): readonly RunningExport[] => useSyncExternalStore(subscribe, () => running);
