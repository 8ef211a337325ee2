import { IconAlertTriangle, IconArrowRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import * as queries from "../../api/queries";
import type { AccountState, Grant, PrivilegedSession } from "../../api/types";
import { AccountStateWord } from "../../components/AccountStateWord";
import { Person } from "../../components/Person";
import { useMe } from "../../components/useMe";
import * as can from "../../can";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { CopyId } from "../../ui/CopyId";
import { Fact, Facts } from "../../ui/Facts";
import { Section } from "../../ui/Page";
import { Time } from "../../ui/Time";
import classes from "./OverviewTab.module.css";
import { LegalHold } from "./LegalHold";
import { Told } from "./Told";

export const OverviewTab = ({ session }: { session: PrivilegedSession }) => {
  const me = useMe();
  const found = useQuery(queries.directories());
  const directories = new Map((found.data ?? []).map(({ id, name }) => [id, name]));
  return (
    <div className="columns">
      <div>
        <Section title={texts.session.facts}>
          <Facts>
            <Fact name={texts.session.reason}>
              <span style={{ whiteSpace: "pre-line" }}>{session.reason}</span>
            </Fact>
            {session.ticket ? <Fact name={texts.session.ticket}>{session.ticket}</Fact> : null}
            <Fact name={texts.session.targets}>
              {session.targets.map((target) => (
                <div key={target.id}>
                  {target.name} <span className="soft">{target.host}</span>
                </div>
              ))}
            </Fact>
            <Fact name={session.more_accounts.length === 0 ? texts.session.account : texts.session.accounts}>
              {[session.account, ...session.more_accounts].map((account) => (
                <div key={account.id}>
                  {account.name} <span className="soft">{directories.get(account.directory_id)} · {texts.accountAction[account.account_action].label}</span>
                </div>
              ))}
            </Fact>
            {session.started_at !== null && (
              <Fact name={texts.session.started}>
                <Time at={session.started_at} seconds />
              </Fact>
            )}
            {session.ended_at !== null && (
              <Fact name={texts.session.ended}>
                <Time at={session.ended_at} seconds />
              </Fact>
            )}
            {session.end_reason !== null && <Fact name={texts.session.endReason}>{texts.endReason[session.end_reason]}</Fact>}
            <Fact name={texts.session.id}>
              <CopyId id={session.id} copyLabel={texts.common.copy} copiedLabel={texts.common.copied} />
            </Fact>
          </Facts>
        </Section>
        <LegalHold session={session} />
        <Told session={session} />
      </div>
      <div>
        <Section title={texts.session.grant}>
          {session.not_back.length > 0 && session.status === "Ending" && (
            <div className="note" data-tone="warn" style={{ marginTop: 10 }}>
              <IconAlertTriangle size={18} aria-hidden />
              <p>{texts.session.notBack}</p>
            </div>
          )}
          {session.grants.length === 0 ? <p className="soft">{texts.session.noGrant}</p> : session.grants.map((grant) => <GrantWay key={grant.id} grant={grant} />)}
        </Section>
        <Section title={texts.session.who}>
          <Facts>
            <Fact name={texts.session.requestedBy}>
              <Person user={session.requested_by} wide /> <span className="soft"><Time at={session.created_at} /></span>
            </Fact>
            <Fact name={texts.session.approvedBy}>
              <Person user={session.approved_by} wide />
              {session.self_approved && <span style={{ color: "var(--tone-warn)" }}> {texts.session.selfApproved}</span>}
            </Fact>
            <Fact name={texts.session.user}>
              <Person user={session.user} wide />
            </Fact>
          </Facts>
        </Section>
        {can.seeAudit(me).allowed && (
          <p className="small">
            <Link className="text-link" to={paths.audit({ privileged_session_id: session.id })}>{texts.session.wholeTrail}</Link>
          </p>
        )}
      </div>
    </div>
  );
};

/** What the account was, what it was made, and what it is again. */
const GrantWay = ({ grant }: { grant: Grant }) => {
  const back = grant.phase === "closed" ? grant.observed : null;
  return (
    <div className={classes["grant"]}>
      <div className={classes["grant-head"]}>
        <span className="strong">{grant.account_name}</span>
        <span className="soft small">{texts.session.phase[grant.phase]}</span>
      </div>
      <ol className={classes["way"]}>
        <Stop title={texts.session.baseline} state={grant.baseline} />
        <IconArrowRight size={16} aria-hidden />
        <Stop title={texts.session.applied} state={grant.applied ?? null} wanted={grant.desired} />
        <IconArrowRight size={16} aria-hidden />
        <Stop title={texts.session.back} state={back} />
      </ol>
      {grant.outcome !== null && <p className="small soft">{texts.grantOutcome[grant.outcome]}</p>}
      {grant.problem !== null && (
        <p className="small" style={{ color: "var(--tone-warn)" }}>
          {texts.session.problem}: {grant.problem} ({texts.session.attempt(grant.attempt)}
          {grant.next_try !== null && (
            <>
              , <Time at={grant.next_try} seconds />
            </>
          )}
          )
        </p>
      )}
    </div>
  );
};

const Stop = ({ title, state, wanted = null }: { title: string; state: AccountState | null; wanted?: AccountState | null }) => (
  <li className={classes["stop"]} data-reached={state !== null || undefined}>
    <span className="small soft">{title}</span>
    <span className="strong">{state === null ? <span className="soft">{wanted === null ? texts.session.waiting : texts.accountState[wanted]}</span> : <AccountStateWord state={state} />}</span>
  </li>
);
