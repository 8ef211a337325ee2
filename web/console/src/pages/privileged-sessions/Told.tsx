import { Button } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconHourglass, IconRefresh } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import * as calls from "../../api/calls";
import * as queries from "../../api/queries";
import type { Notification, PrivilegedSession } from "../../api/types";
import * as can from "../../can";
import { Person } from "../../components/Person";
import { ProblemNote } from "../../components/ProblemNote";
import { tell, tellProblem } from "../../components/tell";
import { useMe } from "../../components/useMe";
import { texts } from "../../texts";
import { EmptyState } from "../../ui/EmptyState";
import { Section } from "../../ui/Page";
import { Time } from "../../ui/Time";
import { grouped, type ToldWord, wordOf } from "./told-groups";
import classes from "./Told.module.css";

const LOOKS: Record<ToldWord, { icon: typeof IconCheck; colour: string; text: string | undefined }> = {
  waiting: { icon: IconHourglass, colour: "var(--tone-info)", text: texts.told.state["waiting"] },
  trying: { icon: IconRefresh, colour: "var(--tone-warn)", text: texts.told.trying },
  sent: { icon: IconCheck, colour: "var(--tone-good)", text: texts.told.state["sent"] },
  given_up: { icon: IconAlertTriangle, colour: "var(--tone-live)", text: texts.told.state["given_up"] },
};

/** Who was told what about the session, and how that went. */
export const Told = ({ session }: { session: PrivilegedSession }) => {
  const told = useQuery(queries.sessionNotifications(session.id));
  if (told.error && !told.data) return <ProblemNote error={told.error} onRetry={() => void told.refetch()} />;
  if (!told.data) return null;
  return (
    <Section title={texts.told.title}>
      {told.data.length === 0 ? (
        <EmptyState title={texts.told.empty} hint={texts.told.emptyHint} />
      ) : (
        <ol className={classes["told"]}>
          {grouped(told.data).map(({ kind, at, notifications }) => (
            <li key={`${kind} ${at}`}>
              <div className={classes["head"]}>
                <span className="strong">{texts.told.kind[kind] ?? kind}</span>
                <span className="soft small">
                  <Time at={at} seconds />
                </span>
              </div>
              <ul className={classes["to"]}>
                {notifications.map((notification) => (
                  <One key={notification.id} notification={notification} />
                ))}
              </ul>
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
};

const One = ({ notification }: { notification: Notification }) => {
  const { recipient, address, sent_at, next_try_at, problem, attempts } = notification;
  const { icon: Icon, colour, text } = LOOKS[wordOf(notification)];
  return (
    <li>
      <div className={classes["line"]}>
        <span>
          {recipient === null ? address : <Person user={recipient} />} <span className="soft small">{recipient === null ? texts.told.webhook : address}</span>
        </span>
        <span className="row-tight nowrap" style={{ color: colour, gap: 4 }}>
          <Icon size={15} aria-hidden />
          {text}
          {sent_at !== null && <Time at={sent_at} seconds />}
        </span>
      </div>
      {problem !== null && (
        <div className={classes["problem"]}>
          <span className="small" style={{ color: colour }}>
            {problem} ({texts.told.attempts(attempts)}
            {next_try_at !== null && (
              <>
                , {texts.told.nextTry} <Time at={next_try_at} seconds />
              </>
            )}
            )
          </span>
          <Retry notification={notification} />
        </div>
      )}
    </li>
  );
};

/** For administrators, and only where there is something to try. */
const Retry = ({ notification }: { notification: Notification }) => {
  const me = useMe();
  const client = useQueryClient();
  const retry = useMutation({
    mutationFn: () => calls.retryNotification(notification.id),
    onSuccess: () => tell(texts.told.retried),
    onError: tellProblem,
    onSettled: () => client.invalidateQueries({ queryKey: ["privileged_session", "notifications"] }),
  });
  if (!can.retryNotifications(me).allowed) return null;
  return (
    <Button size="compact-xs" variant="default" loading={retry.isPending} onClick={() => retry.mutate()}>
      {texts.told.retry}
    </Button>
  );
};
