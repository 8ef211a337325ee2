import { Button, SegmentedControl } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";

import * as queries from "../../api/queries";
import type { PrivilegedSession } from "../../api/types";
import * as can from "../../can";
import { Person } from "../../components/Person";
import { ProblemNote } from "../../components/ProblemNote";
import { SessionWindow } from "../../components/SessionWindow";
import { StatusBadge } from "../../components/StatusBadge";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { RefusableButton } from "../../ui/RefusableButton";
import { useSearchState } from "../../ui/useSearchState";
import { zoneName } from "../../ui/time";
import { Filters } from "./Filters";
import { filtersOf, isFiltered, NO_FILTERS } from "./filter-state";
import { Timeline } from "./Timeline";

const columns: Column<PrivilegedSession>[] = [
  { id: "status", header: texts.sessions.state, cell: (session) => <StatusBadge status={session.status} /> },
  {
    id: "account",
    header: texts.sessions.account,
    cell: (session) => (
      <Link to={paths.privilegedSession(session.id)} className="cell-link nowrap">
        {session.account.name}
        {session.more_accounts.length > 0 && (
          <span className="soft" style={{ fontWeight: 400 }} title={texts.session.moreAccountsTitle(session.more_accounts.map(({ name }) => name).join(", "))}>
            {" "}
            {texts.session.moreAccounts(session.more_accounts.length)}
          </span>
        )}
      </Link>
    ),
  },
  { id: "user", header: texts.sessions.user, cell: (session) => <Person user={session.user} /> },
  {
    id: "targets",
    header: texts.sessions.targets,
    cell: (session) => <span className="truncate">{session.targets.map((target) => target.name).join(", ")}</span>,
  },
  { id: "reason", header: texts.session.reason, grow: true, wideOnly: true, cell: (session) => <Reason session={session} /> },
  { id: "window", header: texts.sessions.window, cell: (session) => <SessionWindow session={session} /> },
  { id: "requester", header: texts.sessions.requester, wideOnly: true, cell: (session) => <Person user={session.requested_by} /> },
];

const Reason = ({ session }: { session: PrivilegedSession }) => (
  <span className="truncate soft" title={session.reason}>
    {session.ticket ? `${session.ticket} · ${session.reason}` : session.reason}
  </span>
);

export const ListPage = () => {
  const me = useMe();
  const navigate = useNavigate();
  const [params, set] = useSearchState();
  const timeline = params.get("view") === "timeline";
  const request = can.requestSession(me);

  return (
    <Page
      title={texts.sessions.title}
      product={texts.product}
      actions={
        <>
          <SegmentedControl
            size="xs"
            aria-label={texts.sessions.view}
            value={timeline ? "timeline" : "list"}
            onChange={(view) => set({ view: view === "timeline" ? view : null, after: null })}
            data={[
              { value: "list", label: texts.sessions.list },
              { value: "timeline", label: texts.sessions.timeline },
            ]}
          />
          {request.allowed ? (
            <Button component={Link} to={paths.newPrivilegedSession()} leftSection={<IconPlus size={16} />}>
              {texts.sessions.new}
            </Button>
          ) : (
            <RefusableButton refusal={request.reason} onClick={() => undefined} leftSection={<IconPlus size={16} />}>
              {texts.sessions.new}
            </RefusableButton>
          )}
        </>
      }
    >
      <Filters timeline={timeline} />
      {timeline ? <Timeline /> : <List onOpen={(session) => void navigate(paths.privilegedSession(session.id))} />}
    </Page>
  );
};

const List = ({ onOpen }: { onOpen: (session: PrivilegedSession) => void }) => {
  const [params, set] = useSearchState();
  const list = useQuery(queries.sessions({ ...filtersOf(params), after: params.get("after") }));
  if (list.error && !list.data) return <ProblemNote error={list.error} onRetry={() => void list.refetch()} />;
  const filtered = isFiltered(params);
  return (
    <>
      <DataTable
        caption={texts.sessions.caption}
        columns={columns}
        rows={list.data?.items}
        rowId={(session) => session.id}
        stale={list.isPlaceholderData}
        onOpen={onOpen}
        empty={
          filtered ? (
            <EmptyState title={texts.sessions.emptyFiltered} hint={texts.sessions.emptyFilteredHint}>
              <Button variant="default" onClick={() => set(NO_FILTERS)}>
                {texts.common.clear}
              </Button>
            </EmptyState>
          ) : (
            <EmptyState title={texts.sessions.empty} hint={texts.sessions.emptyHint} />
          )
        }
      />
      <Pager next={list.data?.next ?? null} firstLabel={texts.common.firstPage} nextLabel={texts.common.nextPage} />
      <p className="small soft">{texts.common.inZone(zoneName())}</p>
    </>
  );
};
