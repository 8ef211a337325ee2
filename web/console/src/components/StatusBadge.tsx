/** The state of a session: always its word, and its colour. */
import type { Status } from "../api/types";
import { texts } from "../texts";
import type { BarTone } from "../ui/WindowBar";
import classes from "./StatusBadge.module.css";

export const STATUSES: readonly Status[] = ["Draft", "Approved", "Active", "Ending", "Ended", "Rejected", "Cancelled", "Expired", "Failed"];

export const toneOf: Record<Status, BarTone> = {
  Draft: "muted", Approved: "info", Active: "live", Ending: "warn", Ended: "good", Rejected: "muted", Cancelled: "muted", Expired: "muted", Failed: "bad",
};

export const StatusBadge = ({ status, large = false }: { status: Status; large?: boolean }) => (
  <span className={classes["badge"]} data-status={status} data-large={large || undefined} title={texts.statusMeaning[status]}>
    {texts.status[status]}
  </span>
);
