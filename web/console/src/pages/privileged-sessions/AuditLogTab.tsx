import { useQuery } from "@tanstack/react-query";

import * as queries from "../../api/queries";
import type { AuditLogItem, PrivilegedSession } from "../../api/types";
import { ProblemNote } from "../../components/ProblemNote";
import { StatusBadge } from "../../components/StatusBadge";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Time } from "../../ui/Time";
import { actionText } from "../audit/actions";
import classes from "./SessionPage.module.css";

const columns: Column<AuditLogItem>[] = [
  { id: "at", header: texts.session.when, cell: (item) => <Time at={item.at} seconds /> },
  {
    id: "change",
    header: texts.session.change,
    cell: (item) => (
      <span className="row-tight">
        {item.to_status === null && <span>{actionText(item.action.replace("privileged_session_", ""))}</span>}
        {item.from_status !== null && item.to_status !== null && item.from_status !== item.to_status && (
          <>
            <span className="soft">{texts.status[item.from_status]}</span>
            <span className={classes["arrow"]} aria-hidden>
              →
            </span>
          </>
        )}
        {item.to_status !== null && <StatusBadge status={item.to_status} />}
      </span>
    ),
  },
  { id: "by", header: texts.session.by, cell: (item) => (item.changed_by === null ? <span className="soft">{texts.common.nothing}</span> : item.changed_by.user_name) },
  { id: "kind", header: texts.session.kind, cell: (item) => item.changed_by_kind },
  { id: "comment", header: texts.session.comment, grow: true, cell: (item) => <span className={classes["log-comment"]}>{item.comment}</span> },
];

export const AuditLogTab = ({ session }: { session: PrivilegedSession }) => {
  const log = useQuery(queries.auditLog(session.id));
  if (log.error && !log.data) return <ProblemNote error={log.error} onRetry={() => void log.refetch()} />;
  return <DataTable caption={texts.session.auditLog} columns={columns} rows={log.data} rowId={(item) => `${item.at} ${item.from_status ?? ""} ${item.to_status ?? ""} ${item.action}`} empty={<EmptyState title={texts.session.auditEmpty} />} />;
};
