import type { AuditEvent } from "../../api/types";
import { texts } from "../../texts";
import type { Column } from "../../ui/DataTable";
import { Time } from "../../ui/Time";
import { accessedPlace } from "./details";
import { ActionWord, By, Subject, Summary } from "./Cells";

const words = texts.audit;
type Show = (event: AuditEvent) => void;

export const trailColumns = (show: Show): Column<AuditEvent>[] => [
  { id: "seq", header: "#", numeric: true, cell: (event) => <span className="soft">{event.seq?.toLocaleString("en-GB") ?? ""}</span> },
  { id: "at", header: words.when, cell: (event) => <Time at={event.at} seconds /> },
  { id: "action", header: words.action, cell: (event) => <ActionWord action={event.action} onOpen={() => show(event)} /> },
  { id: "by", header: words.by, cell: (event) => <By event={event} /> },
  { id: "subject", header: words.subject, cell: (event) => <Subject event={event} /> },
  { id: "details", header: words.details, grow: true, cell: (event) => <Summary event={event} /> },
];

/** `targets`: names by id. */
export const accessColumns = (show: Show, targets: ReadonlyMap<string, string>): Column<AuditEvent>[] => [
  { id: "at", header: words.access.at, cell: (event) => <Time at={event.at} seconds /> },
  { id: "action", header: words.action, cell: (event) => <ActionWord action={event.action} onOpen={() => show(event)} /> },
  { id: "user", header: words.user, cell: (event) => <By event={event} /> },
  { id: "via", header: words.access.via, cell: (event) => (event.channel === null ? null : <span className="nowrap">{texts.channel[event.channel]}</span>) },
  { id: "target", header: words.target, grow: true, cell: (event) => accessedPlace(event, targets, words.access.itself) },
  { id: "address", header: words.detail.address, cell: (event) => <span className="mono nowrap">{event.client_address}</span> },
];
