import { useQuery } from "@tanstack/react-query";

import * as queries from "../../api/queries";
import type { PrivilegedSession, UserLogItem } from "../../api/types";
import { ProblemNote } from "../../components/ProblemNote";
import { agentName } from "../../components/agentName";
import { EndWord, LengthOf } from "../../components/SignInEnd";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Time } from "../../ui/Time";

const columns: Column<UserLogItem>[] = [
  { id: "start", header: texts.session.start, cell: (item) => <Time at={item.started_at} seconds /> },
  {
    id: "end",
    header: texts.session.end,
    cell: (item) =>
      item.ended_at === null ? (
        <span className="danger">{texts.session.goesOn}</span>
      ) : (
        <span>
          <Time at={item.ended_at} seconds /> {item.end_is_estimated && <span className="soft small">{texts.common.estimated}</span>}
        </span>
      ),
  },
  { id: "how", header: texts.session.how, cell: (item) => <EndWord kind={item.end_kind} /> },
  { id: "length", header: texts.session.length, numeric: true, cell: (item) => <LengthOf item={item} /> },
  { id: "door", header: texts.session.door, cell: (item) => texts.channel[item.channel] },
  { id: "address", header: texts.session.address, cell: (item) => <span className="mono">{item.client_address ?? texts.common.nothing}</span> },
  { id: "agent", header: texts.session.agent, grow: true, cell: (item) => (item.deleted_at === null ? <span title={item.user_agent ?? undefined}>{agentName(item.user_agent)}</span> : <span className="soft">{texts.session.signInDeleted}</span>) },
];

export const UserLogTab = ({ session }: { session: PrivilegedSession }) => {
  const log = useQuery(queries.userLog(session.id));
  if (log.error && !log.data) return <ProblemNote error={log.error} onRetry={() => void log.refetch()} />;
  return (
    <DataTable caption={texts.session.userLog} columns={columns} rows={log.data} rowId={(item) => item.sign_in_id} empty={<EmptyState title={texts.session.userLogEmpty} hint={texts.session.userLogEmptyHint} />} />
  );
};
