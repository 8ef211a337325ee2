/** The parts of an event that both views show. */
import { IconEraser } from "@tabler/icons-react";

import type { AuditEvent } from "../../api/types";
import { agentName } from "../../components/agentName";
import { SessionLink } from "../../components/SessionLink";
import { texts } from "../../texts";
import { actionText, DELETED, sourceOf } from "./actions";
import classes from "./Audit.module.css";
import { nameText, shortened, toldBy, valueText } from "./details";

const words = texts.audit;

const WITHOUT_USER: Record<string, string> = { processor: words.processor, system: words.system, anonymous: words.anonymous, unknown: words.unknown };

export const By = ({ event }: { event: AuditEvent }) => (event.user_name === null ? <span className="soft nowrap">{WITHOUT_USER[event.actor_kind] ?? texts.common.nothing}</span> : <span className="nowrap">{event.user_name}</span>);

/** The action: the source's own name and code where it is one of its, else in words. */
export const ActionWord = ({ action, onOpen }: { action: string; onOpen?: () => void }) => {
  const source = sourceOf(action);
  const text =
    action === DELETED ? (
      <span className={classes["deleted"]} title={words.deletedHint}>
        <IconEraser size={15} aria-hidden /> {words.deleted}
      </span>
    ) : (
      (source?.name ?? actionText(action))
    );
  return (
    <span className="nowrap">
      {onOpen ? (
        <button type="button" className="link-button" onClick={onOpen}>
          {text}
        </button>
      ) : (
        <span className="strong">{text}</span>
      )}
      {source !== null && <span className={classes["code"]}>{source.code}</span>}
    </span>
  );
};

export const Subject = ({ event }: { event: AuditEvent }) => {
  if (event.privileged_session_id !== null) return <SessionLink id={event.privileged_session_id} />;
  return event.subject.kind === "" ? null : <span className="nowrap">{nameText(event.subject.kind)}</span>;
};

/** In one line: changes as *name: old → new*, then the rest. */
export const Summary = ({ event }: { event: AuditEvent }) => {
  if (event.action === DELETED) return <span className={classes["summary"]}>{words.deletedShort}</span>;
  const { changes, rest } = toldBy(event.details);
  const value = (one: unknown): string => shortened(valueText(one, { yes: texts.common.yes, no: texts.common.no, nothing: words.detail.nothing }));
  const text = [
    ...(event.reason ? [event.reason] : []),
    ...changes.map(({ name, old, now }) => `${nameText(name)}: ${value(old)} → ${value(now)}`),
    ...rest.filter(([, one]) => one !== null).map(([name, one]) => `${nameText(name)}: ${name === "user_agent" ? agentName(String(one)) : value(one)}`),
    ...(event.client_address ? [event.client_address] : []),
  ].join(" · ");
  return <span className={classes["summary"]}>{text}</span>;
};
