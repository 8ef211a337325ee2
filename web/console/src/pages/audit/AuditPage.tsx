import { Button, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import * as queries from "../../api/queries";
import type { AuditEvent } from "../../api/types";
import { agentName } from "../../components/agentName";
import { ProblemNote } from "../../components/ProblemNote";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { Time } from "../../ui/Time";
import { zoneName } from "../../ui/time";
import { useSearchState } from "../../ui/useSearchState";
import { ACTIONS, actionText } from "./actions";

const words = texts.audit;
const FILTERS = ["action", "privileged_session_id", "user_id", "sign_in_id"] as const;

const WITHOUT_USER: Record<string, string> = { processor: words.processor, system: words.system, anonymous: words.anonymous };

const columns: Column<AuditEvent>[] = [
  { id: "seq", header: "#", numeric: true, cell: (event) => <span className="soft">{event.seq ?? ""}</span> },
  { id: "at", header: words.when, cell: (event) => <Time at={event.at} seconds /> },
  { id: "action", header: words.action, cell: (event) => <span className="strong nowrap">{actionText(event.action)}</span> },
  { id: "by", header: words.by, cell: (event) => event.user_name ?? <span className="soft">{WITHOUT_USER[event.actor_kind ?? ""] ?? texts.common.nothing}</span> },
  { id: "subject", header: words.subject, cell: (event) => <Subject event={event} /> },
  { id: "details", header: words.details, grow: true, cell: (event) => <Details event={event} /> },
];

const Subject = ({ event }: { event: AuditEvent }) => {
  if (event.privileged_session_id !== null)
    return (
      <Link to={paths.privilegedSession(event.privileged_session_id)} className="nowrap">
        {words.session} <span className="mono">{event.privileged_session_id.slice(-6)}</span>
      </Link>
    );
  return event.subject ? <span className="nowrap">{event.subject.kind.replaceAll("_", " ")}</span> : null;
};

/** Ids and hashes as elsewhere: their ends; the whole is in the API. */
const shortened = (value: string): string => value.replace(/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{6}([0-9a-f]{6})\b/g, "…$1").replace(/\b([0-9a-f]{8})[0-9a-f]{56}\b/g, "$1…");

const Details = ({ event }: { event: AuditEvent }) => {
  const parts = Object.entries(event.details)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.replaceAll("_", " ")}: ${name === "user_agent" ? agentName(String(value)) : shortened(String(value))}`);
  const text = [...(event.reason ? [event.reason] : []), ...parts, ...(event.client_address ? [event.client_address] : [])].join(" · ");
  return (
    <span className="soft small" style={{ overflowWrap: "anywhere" }}>
      {text}
    </span>
  );
};

export const AuditPage = () => {
  const [params, set] = useSearchState();
  const filters = Object.fromEntries(FILTERS.map((name) => [name, params.get(name)]));
  const list = useQuery(queries.auditEvents({ ...filters, after: params.get("after") }));
  const filtered = FILTERS.some((name) => params.has(name));
  return (
    <Page title={words.title} product={texts.product}>
      <div className="row" style={{ marginBottom: 12 }}>
        <Select aria-label={words.action} placeholder={words.anyAction} searchable clearable w={280} value={params.get("action")} onChange={(action) => set({ action, after: null })} data={ACTIONS.map((action) => ({ value: action, label: actionText(action) }))} />
        {filtered && (
          <Button variant="subtle" onClick={() => set({ ...Object.fromEntries(FILTERS.map((name) => [name, null])), after: null })}>
            {texts.common.clear}
          </Button>
        )}
      </div>
      {list.error && !list.data ? (
        <ProblemNote error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <DataTable caption={words.caption} columns={columns} rows={list.data?.items} stale={list.isPlaceholderData} rowId={(event) => event.id} empty={<EmptyState title={words.empty} hint={words.emptyHint} />} />
      )}
      <Pager next={list.data?.next ?? null} firstLabel={texts.common.firstPage} nextLabel={texts.common.nextPage} />
      <p className="small soft">{texts.common.inZone(zoneName())}</p>
    </Page>
  );
};
