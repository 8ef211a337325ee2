import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";

import * as queries from "../../api/queries";
import type { PrivilegedSession } from "../../api/types";
import { Loaded } from "../../components/Loaded";
import { accountNames, nameOf } from "../../components/names";
import { SessionWindow, timeWord } from "../../components/SessionWindow";
import { StatusBadge } from "../../components/StatusBadge";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { Page } from "../../ui/Page";
import { useNow } from "../../ui/useNow";
import { useSearchState } from "../../ui/useSearchState";
import { AccountTab } from "./AccountTab";
import { Actions } from "./Actions";
import { AuditLogTab } from "./AuditLogTab";
import { ExtensionNote } from "./ExtensionNote";
import { HoldBadge } from "./LegalHold";
import { OverviewTab } from "./OverviewTab";
import { RecordingsTab } from "./RecordingsTab";
import classes from "./SessionPage.module.css";
import { UserLogTab } from "./UserLogTab";

const TABS = [
  { id: "overview", label: texts.session.overview, panel: OverviewTab },
  { id: "audit-log", label: texts.session.auditLog, panel: AuditLogTab },
  { id: "user-log", label: texts.session.userLog, panel: UserLogTab },
  { id: "recordings", label: texts.session.recordings, panel: RecordingsTab },
  { id: "account", label: texts.session.account, panel: AccountTab },
] as const;

const trail = <Link to={paths.privilegedSessions()}>{texts.sessions.title}</Link>;

export const SessionPage = () => {
  const { id = "" } = useParams();
  const session = useQuery(queries.session(id));
  if (session.data) return <Session session={session.data} />;
  return (
    <Page title={texts.session.id} product={texts.product} trail={trail}>
      <Loaded query={session}>{() => null}</Loaded>
    </Page>
  );
};

const Session = ({ session }: { session: PrivilegedSession }) => {
  const [params, set] = useSearchState();
  const tab = TABS.find(({ id }) => id === params.get("tab")) ?? TABS[0];
  const Panel = tab.panel;
  return (
    <Page
      title={accountNames(session)}
      product={texts.product}
      trail={trail}
      lead={
        <>
          {nameOf(session.user)} · {session.targets.map((target) => target.name).join(", ")}
        </>
      }
      actions={<Actions session={session} />}
    >
      <Header session={session} />
      {session.extension !== null && <ExtensionNote session={session} extension={session.extension} />}
      <Tabs value={tab.id} onChange={(next) => set({ tab: next === "overview" ? null : next })} keepMounted={false}>
        <Tabs.List className={classes["tabs"] ?? ""}>
          {TABS.map(({ id, label }) => (
            <Tabs.Tab key={id} value={id}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab.id} pt={18}>
          <Panel session={session} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
};

const Header = ({ session }: { session: PrivilegedSession }) => {
  const now = useNow(1_000);
  const word = timeWord(session, now);
  return (
    <div className={classes["header"]}>
      <div className={classes["state"]}>
        <StatusBadge status={session.status} large />
        {session.legal_hold.held && <HoldBadge hold={session.legal_hold} />}
        <div className="stack">
          {word !== null && <span className={classes["clock"]}>{word}</span>}
          <span className="soft small">
            {session.end_reason === null ? texts.statusMeaning[session.status] : `${texts.statusMeaning[session.status]} (${texts.endReason[session.end_reason]})`}
          </span>
        </div>
      </div>
      <SessionWindow session={session} large />
    </div>
  );
};
