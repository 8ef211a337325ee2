import type { ExportRun, ExportTarget, ScheduledExport } from "../../api/types";

export type ExportState = "fine" | "findings" | "problem" | "paused";

type Told = Pick<ScheduledExport, "active" | "findings" | "check_problem"> & { runs: readonly Pick<ExportRun, "state" | "problem" | "written_at">[] };

/** What keeps the next file from being written; null when nothing does. */
export const problemOf = ({ runs }: Pick<Told, "runs">): string | null => runs.find(({ state, problem }) => state === "waiting" && problem !== null)?.problem ?? null;

/** When a file was written last. */
export const lastWritten = ({ runs }: Pick<Told, "runs">): string | null => runs.reduce<string | null>((last, { written_at }) => (written_at !== null && (last === null || written_at > last) ? written_at : last), null);

/** How an export is, in one word. What does not fit comes before what cannot be written now. */
export const stateOf = (told: Told): ExportState => {
  if (told.findings.length > 0) return "findings";
  if (!told.active) return "paused";
  return problemOf(told) === null && told.check_problem === null ? "fine" : "problem";
};

/** Where files go, in one line. */
export const placeOf = (target: ExportTarget): string => (target.kind === "folder" ? target.path : `s3://${[target.bucket, target.prefix.replace(/^\/+|\/+$/g, "")].filter((part) => part !== "").join("/")}`);
