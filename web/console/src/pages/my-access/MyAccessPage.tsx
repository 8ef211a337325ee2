import { Button } from "@mantine/core";
import { IconDoorEnter, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";

import * as queries from "../../api/queries";
import type { Action, PrivilegedSession } from "../../api/types";
import * as can from "../../can";
import { AccountStateWord } from "../../components/AccountStateWord";
import { accountNames } from "../../components/names";
import { OpenDialog } from "../../components/OpenDialog";
import { SessionWindow, timeWord } from "../../components/SessionWindow";
import { StatusBadge } from "../../components/StatusBadge";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page, Section } from "../../ui/Page";
import { RefusableButton } from "../../ui/RefusableButton";
import { useNow } from "../../ui/useNow";
import { useSearchState } from "../../ui/useSearchState";
import { Pager } from "../../ui/Pager";
import { ActionDialog } from "../privileged-sessions/ActionDialog";
import { EndDialog } from "../privileged-sessions/EndDialog";
import { ExtensionNote } from "../privileged-sessions/ExtensionNote";
import classes from "./MyAccessPage.module.css";

const RUNNING = ["Active", "Ending"];
const COMING = ["Draft", "Approved"];

const columns: Column<PrivilegedSession>[] = [
  { id: "status", header: texts.sessions.state, cell: (session) => <StatusBadge status={session.status} /> },
  { id: "account", header: texts.sessions.account, cell: (session) => <Link className="cell-link" to={paths.privilegedSession(session.id)}>{session.account.name}</Link> },
  { id: "targets", header: texts.sessions.targets, cell: (session) => session.targets.map((target) => target.name).join(", ") },
  { id: "window", header: texts.sessions.window, cell: (session) => <SessionWindow session={session} /> },
  { id: "reason", header: texts.session.reason, grow: true, cell: (session) => <span className="truncate soft">{session.reason}</span> },
];

export const MyAccessPage = () => {
  const me = useMe();
  const navigate = useNavigate();
  const [params] = useSearchState();
  const request = can.requestSession(me);
  const history = useQuery(queries.sessions({ user_id: me.user.id, after: params.get("after") }));
  const mine = me.privileged_sessions.filter((session) => session.user_id === me.user.id);
  const running = mine.filter((session) => RUNNING.includes(session.status));
  const coming = mine.filter((session) => COMING.includes(session.status)).sort((a, b) => a.starts_at.localeCompare(b.starts_at));

  return (
    <Page
      title={texts.myAccess.title}
      product={texts.product}
      actions={
        request.allowed && me.accounts.length > 0 ? (
          <Button component={Link} to={paths.newPrivilegedSession()} variant="default" leftSection={<IconPlus size={16} />}>
            {texts.myAccess.ask}
          </Button>
        ) : undefined
      }
    >
      <div className={classes["cards"]}>
        {running.map((session) => (
          <SessionCard key={session.id} session={session} />
        ))}
        {running.length === 0 && <EmptyState title={texts.myAccess.noneNow} hint={texts.myAccess.noneNowHint} />}
      </div>
      {coming.length > 0 && (
        <Section title={texts.myAccess.next}>
          <div className={classes["cards"]}>
            {coming.map((session) => (
              <SessionCard key={session.id} session={session} />
            ))}
          </div>
        </Section>
      )}
      <Section title={texts.myAccess.accounts}>
        {me.accounts.length === 0 ? (
          <p className="soft">{texts.myAccess.noAccounts}</p>
        ) : (
          <ul className={classes["accounts"]}>
            {me.accounts.map((account) => (
              <li key={account.id}>
                <span className="strong">{account.name}</span>
                <AccountStateWord state={account.state} />
                {account.privileged && <span className="soft small">{texts.common.privileged}</span>}
                {account.state !== "absent" && account.privileged && (
                  <Link className="small" to={paths.newPrivilegedSession(account.id)}>
                    {texts.myAccess.ask}
                  </Link>
                )}
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Section title={texts.myAccess.history}>
        <DataTable
          caption={texts.myAccess.history}
          columns={columns}
          rows={history.data?.items.filter((session) => !RUNNING.includes(session.status) && !COMING.includes(session.status))}
          rowId={(session) => session.id}
          onOpen={(session) => void navigate(paths.privilegedSession(session.id))}
          empty={<p className="soft">{texts.myAccess.historyEmpty}</p>}
        />
        <Pager next={history.data?.next ?? null} firstLabel={texts.common.firstPage} nextLabel={texts.common.nextPage} />
      </Section>
    </Page>
  );
};

/** One session that is mine: what it is, how long, and the one thing to do. */
const SessionCard = ({ session }: { session: PrivilegedSession }) => {
  const now = useNow(1_000);
  const [dialog, setDialog] = useState<Action | null>(null);
  const close = (): void => setDialog(null);
  const open = can.act(session, "Open");
  const handBack = can.act(session, "HandBack");
  const cancel = can.act(session, "Cancel");
  const extend = can.act(session, "Extend");
  const word = timeWord(session, now);
  return (
    <article className={classes["card"]} data-status={session.status} aria-label={session.account.name}>
      <div className={classes["card-head"]}>
        <div className="stack">
          <span className="row">
            <Link className={classes["card-title"] ?? ""} to={paths.privilegedSession(session.id)}>
              {accountNames(session)}
            </Link>
            <StatusBadge status={session.status} />
            {word !== null && <span className="strong">{word}</span>}
            {session.status === "Draft" && <span className="soft">{texts.myAccess.waiting}</span>}
          </span>
          <span className="soft">
            {session.targets.map((target) => target.name).join(", ")} · {session.reason}
          </span>
        </div>
        <div className={classes["card-actions"]}>
          {open?.allowed && (
            <Button size="md" leftSection={<IconDoorEnter size={18} />} onClick={() => setDialog("Open")} styles={{ root: { height: 40, paddingInline: 20 } }}>
              {texts.action.Open}
            </Button>
          )}
          {handBack && (
            <RefusableButton variant="default" styles={{ root: { height: 40 } }} refusal={handBack.allowed ? null : handBack.reason} onClick={() => setDialog("HandBack")}>
              {texts.action.HandBack}
            </RefusableButton>
          )}
          {extend?.allowed && session.extension === null && (
            <Button variant="default" styles={{ root: { height: 40 } }} onClick={() => setDialog("Extend")}>
              {texts.action.Extend}
            </Button>
          )}
          {cancel?.allowed && session.extension === null && (
            <Button variant="default" onClick={() => setDialog("Cancel")}>
              {texts.action.Cancel}
            </Button>
          )}
        </div>
      </div>
      <SessionWindow session={session} large />
      {session.extension !== null && <ExtensionNote session={session} extension={session.extension} />}
      {dialog === "Extend" && <EndDialog session={session} action={dialog} onClose={close} />}
      {dialog === "Open" && <OpenDialog session={session} onClose={close} />}
      {(dialog === "HandBack" || dialog === "Cancel") && <ActionDialog session={session} action={dialog} onClose={close} />}
    </article>
  );
};
