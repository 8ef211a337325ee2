/** What was done to each account of the session: intended, done, verified; and its switch while the session is active. */
import { IconAlertTriangle, IconArrowForwardUp, IconArrowBackUp, IconClockEdit, IconUsersGroup } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";

import * as queries from "../../api/queries";
import type { AccountLogItem, Grant, PrivilegedSession, SessionAccount } from "../../api/types";
import { AccountStateWord } from "../../components/AccountStateWord";
import { nameOf } from "../../components/names";
import { ProblemNote } from "../../components/ProblemNote";
import { Skeleton } from "../../components/Loaded";
import { texts } from "../../texts";
import { EmptyState } from "../../ui/EmptyState";
import { Time } from "../../ui/Time";
import { AccountSwitch } from "./AccountSwitch";
import classes from "./AccountTab.module.css";

const words = texts.session.accountLog;

export const AccountTab = ({ session }: { session: PrivilegedSession }) => {
  const log = useQuery(queries.accountLog(session.id));
  const directories = useQuery(queries.directories());
  if (log.error && !log.data) return <ProblemNote error={log.error} onRetry={() => void log.refetch()} />;
  if (!log.data) return <Skeleton />;
  const names = new Map((directories.data ?? []).map(({ id, name }) => [id, name]));
  const nothing = log.data.length === 0;
  return (
    <>
      {[session.account, ...session.more_accounts].map((account) => (
        <One
          key={account.id}
          session={session}
          account={account}
          directory={names.get(account.directory_id)}
          grant={session.grants.find((grant) => grant.account_id === account.id)}
          entries={log.data.filter((entry) => entry.account_id === account.id)}
        />
      ))}
      {nothing && <EmptyState title={words.empty} hint={words.emptyHint} />}
    </>
  );
};

interface OneProps {
  session: PrivilegedSession;
  account: SessionAccount;
  directory: string | undefined;
  grant: Grant | undefined;
  entries: readonly AccountLogItem[];
}

const One = ({ session, account, directory, grant, entries }: OneProps) => (
  <section className={classes["account"]} aria-label={account.name}>
    <div className={classes["head"]}>
      <div className="stack">
        <span className="row">
          <h2 className={classes["name"]}>{account.name}</h2>
          <AccountStateWord state={account.state} />
        </span>
        <span className="small soft">
          {[directory, texts.accountAction[account.account_action].label, ...(grant ? [texts.session.phase[grant.phase]] : [])].filter((word) => word !== undefined).join(" · ")}
        </span>
      </div>
      <AccountSwitch session={session} account={account} grant={grant} />
    </div>
    {grant?.problem && grant.phase !== "closed" && (
      <p className={classes["problem"]}>
        <IconAlertTriangle size={15} aria-hidden />
        <span>
          {grant.problem} {grant.attempt > 0 && `(${texts.session.attempt(grant.attempt)})`}
          {grant.next_try !== null && <> {texts.directories.waits}: <Time at={grant.next_try} seconds /></>}
        </span>
      </p>
    )}
    {entries.length > 0 && (
      <ol className={classes["timeline"]}>
        {entries.map((entry) => (
          <Entry key={`${entry.intended_at} ${entry.direction} ${entry.wanted}`} entry={entry} />
        ))}
      </ol>
    )}
  </section>
);

const ICONS = { forward: IconArrowForwardUp, end_moved: IconClockEdit, back: IconArrowBackUp, left_to_others: IconUsersGroup } as const;

const Entry = ({ entry }: { entry: AccountLogItem }) => {
  const Icon = ICONS[entry.direction];
  const other = entry.direction === "left_to_others";
  // Verified without having been done: it was so already.
  const notNeeded = entry.done_at === null && entry.verified_at !== null;
  return (
    <li className={classes["entry"]} data-verified={entry.verified_at !== null || undefined} data-trouble={(entry.verified_at === null && entry.problem !== null) || undefined}>
      <span className={classes["icon"]}>
        <Icon size={15} aria-hidden />
      </span>
      <div className={classes["body"]}>
        <p className={classes["what"]}>
          <span className="strong">{words.direction[entry.direction]}</span> <Wanted entry={entry} />{" "}
          <span className="soft">{entry.intended_by === null ? words.processor : words.by(nameOf(entry.intended_by))}</span>
        </p>
        {other ? (
          <p className="small soft"><Time at={entry.intended_at} seconds /> · {words.held}</p>
        ) : (
          <ol className={classes["way"]}>
            <Stop name={words.intended} at={entry.intended_at} />
            <Stop name={words.done} at={entry.done_at} otherwise={notNeeded ? words.notNeeded : words.notYet} reached={notNeeded} />
            <Stop name={words.verified} at={entry.verified_at} otherwise={words.notYet} says={verdict(entry)} />
          </ol>
        )}
        {(entry.problem !== null || entry.failed_attempts > 0) && (
          <p className={classes["problem"]}>
            <IconAlertTriangle size={15} aria-hidden />
            <span>
              {entry.failed_attempts > 0 && <span className="strong">{words.failed(entry.failed_attempts)}. </span>}
              {entry.problem}
            </span>
          </p>
        )}
      </div>
    </li>
  );
};

/** What the account is to be; of an end that moved, the new one. */
const Wanted = ({ entry: { direction, wanted, wanted_until } }: { entry: AccountLogItem }) =>
  direction === "end_moved" && wanted_until !== null ? (
    <>
      {words.to} <Time at={wanted_until} seconds />
    </>
  ) : (
    <>{texts.session.becomes(texts.accountState[wanted])}</>
  );

/** How it was seen then, and for the way back what became of it. */
const verdict = ({ verified_state, outcome }: AccountLogItem): string | null => {
  const said = [...(verified_state === null ? [] : [words.is(texts.accountState[verified_state])]), ...(outcome === null ? [] : [texts.grantOutcome[outcome]])];
  return said.length === 0 ? null : said.join("; ");
};

interface StopProps {
  name: string;
  at: string | null;
  /** What stands there without a time. */
  otherwise?: string;
  reached?: boolean;
  says?: string | null;
}

const Stop = ({ name, at, otherwise = "", reached = false, says = null }: StopProps) => (
  <li className={classes["stop"]} data-reached={at !== null || reached || undefined}>
    <span className="small soft">{name}</span>
    <span>{at === null ? <span className="soft">{otherwise}</span> : <Time at={at} seconds />}</span>
    {says !== null && <span className="small soft">{says}</span>}
  </li>
);
