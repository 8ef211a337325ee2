import { Drawer } from "@mantine/core";
import { Link } from "react-router";

import type { AuditEvent } from "../../api/types";
import { SessionLink } from "../../components/SessionLink";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { CopyId } from "../../ui/CopyId";
import { Fact, Facts } from "../../ui/Facts";
import { Time } from "../../ui/Time";
import { DELETED, sourceOf } from "./actions";
import classes from "./Audit.module.css";
import { ActionWord, By } from "./Cells";
import { type Changed, nameText, toldBy, valueText } from "./details";

const words = texts.audit;
const VALUES = { yes: texts.common.yes, no: texts.common.no, nothing: words.detail.nothing };

/** Everything that the trail says about one event. */
export const EventDrawer = ({ event, onClose }: { event: AuditEvent; onClose: () => void }) => {
  const { changes, rest } = toldBy(event.details);
  const source = sourceOf(event.action);
  const deleted = event.action === DELETED;
  return (
    <Drawer opened onClose={onClose} position="right" size={520} title={event.seq === null ? words.detail.unnumbered : words.detail.title(event.seq.toLocaleString("en-GB"))} closeButtonProps={{ "aria-label": texts.common.close }}>
      {deleted && <p className="soft">{words.deletedHint}</p>}
      {changes.length > 0 && <Changes changes={changes} />}
      <Facts>
        <Fact name={words.action}>
          <ActionWord action={event.action} />
        </Fact>
        {source !== null && <Fact name={words.detail.sourceAction}>{`action ${source.code}, ${source.name}`}</Fact>}
        <Fact name={words.when}>
          <Time at={event.at} seconds />
        </Fact>
        <Fact name={words.by}>
          <By event={event} />
        </Fact>
        {event.reason && (
          <Fact name={words.detail.reason}>
            <span style={{ whiteSpace: "pre-line" }}>{event.reason}</span>
          </Fact>
        )}
        {event.subject.kind !== "" && (
          <Fact name={words.subject}>
            {nameText(event.subject.kind)} {event.subject.id.length > 1 && <CopyId id={event.subject.id} shown={13} copyLabel={texts.common.copy} copiedLabel={texts.common.copied} />}
          </Fact>
        )}
        {event.privileged_session_id !== null && (
          <Fact name={words.session}>
            <SessionLink id={event.privileged_session_id} /> ·{" "}
            <Link to={paths.audit({ privileged_session_id: event.privileged_session_id })} onClick={onClose}>
              {words.detail.sameSession}
            </Link>
          </Fact>
        )}
        {event.sign_in_id !== null && (
          <Fact name={words.detail.signIn}>
            <Link to={paths.audit({ sign_in_id: event.sign_in_id })} onClick={onClose}>
              {words.detail.sameSignIn}
            </Link>
          </Fact>
        )}
        {rest.map(([name, value]) => (
          <Fact key={name} name={nameText(name)}>
            {valueText(value, VALUES)}
          </Fact>
        ))}
        {event.channel !== null && <Fact name={words.detail.channel}>{texts.channel[event.channel]}</Fact>}
        {event.client_address && (
          <Fact name={words.detail.address}>
            <span className="mono">{event.client_address}</span>
          </Fact>
        )}
        <Fact name={words.detail.id}>
          <CopyId id={event.id} shown={13} copyLabel={texts.common.copy} copiedLabel={texts.common.copied} />
        </Fact>
        <Fact name={words.detail.commitment}>
          <span className={`mono ${classes["commitment"]}`}>{event.commitment}</span>
        </Fact>
      </Facts>
    </Drawer>
  );
};

/** Old and new values side by side. */
const Changes = ({ changes }: { changes: readonly Changed[] }) => (
  <table className={classes["changes"]}>
    <caption className="visually-hidden">{words.detail.changes}</caption>
    <thead>
      <tr>
        <th scope="col">{words.detail.changes}</th>
        <th scope="col">{words.detail.old}</th>
        <th scope="col">{words.detail.new}</th>
      </tr>
    </thead>
    <tbody>
      {changes.map(({ name, old, now }) => (
        <tr key={name}>
          <th scope="row">{nameText(name)}</th>
          <td className={classes["old"]}>{valueText(old, VALUES)}</td>
          <td className={classes["new"]}>{valueText(now, VALUES)}</td>
        </tr>
      ))}
    </tbody>
  </table>
);
