/** Counting the rows of an export while its bytes pass, without keeping them. */

export type ExportFormat = "csv" | "xlsx" | "jsonl" | "parquet";

const NEWLINE = 0x0a;
const QUOTE = 0x22;

/** Rows seen so far, or null where the format does not show them from outside. */
export interface RowCounter {
  read: (bytes: Uint8Array) => void;
  rows: () => number | null;
}

/** A line is a row. In CSV the first is the header, and a line break inside quotes is part of its cell. */
export const rowCounter = (format: ExportFormat): RowCounter => {
  if (format !== "csv" && format !== "jsonl") return { read: () => undefined, rows: () => null };
  const quotes = format === "csv";
  let lines = 0;
  let quoted = false;
  return {
    read: (bytes) => {
      for (const byte of bytes) {
        if (quotes && byte === QUOTE) quoted = !quoted;
        else if (byte === NEWLINE && !quoted) lines += 1;
      }
    },
    rows: () => Math.max(0, quotes ? lines - 1 : lines),
  };
};

/** How much of it is there, from 0 to 1; null when nobody can say. */
export const shareOf = (rows: number | null, total: number | null): number | null => (rows === null || total === null ? null : total === 0 ? 1 : Math.min(1, rows / total));

/** The name that the server gives the file: `attachment; filename="sign-ins.csv"`. */
export const fileNameOf = (disposition: string | null, preset: string): string => {
  const name = /filename="([^"]+)"/.exec(disposition ?? "")?.[1] ?? /filename=([^;\s]+)/.exec(disposition ?? "")?.[1];
  return name?.replace(/[/\\]/g, "_") ?? preset;
};
