import type { LoginEvent } from "../../api/types";
import { agentName } from "../../components/agentName";
import { SessionLink } from "../../components/SessionLink";
import { EndWord, LengthOf } from "../../components/SignInEnd";
import { texts } from "../../texts";
import type { Column } from "../../ui/DataTable";
import { lengthText, SECOND } from "../../ui/time";
import { Time } from "../../ui/Time";

import classes from "./SignIns.module.css";

const words = texts.signIns;

/** How much of it somebody was busy; the rest they were idle. */
export const activeSentence = ({ active_s, idle_s }: Pick<LoginEvent, "active_s" | "idle_s">): string => words.activeIdle(lengthText(active_s * SECOND), lengthText(idle_s * SECOND));

export const EndOf = ({ item }: { item: Pick<LoginEvent, "ended_at" | "end_is_estimated"> }) =>
  item.ended_at === null ? (
    <span style={{ color: "var(--tone-good)" }}>{words.goesOn}</span>
  ) : (
    <span className="nowrap">
      <Time at={item.ended_at} seconds />
      {item.end_is_estimated && (
        <span className={classes["estimated"]} title={words.estimatedHint}>
          {texts.common.estimated}
        </span>
      )}
    </span>
  );

/** Names of targets by their ids; one that is gone is called by the end of its id. */
export type Names = ReadonlyMap<string, string>;
export const targetName = (id: string, names: Names): string => names.get(id) ?? `…${id.slice(-6)}`;

export const columns = (show: (item: LoginEvent) => void, names: Names): Column<LoginEvent>[] => [
  {
    id: "user",
    header: words.user,
    grow: true,
    cell: (item) => (
      <span className={classes["two"]}>
        <button type="button" className="link-button" title={item.user_name} onClick={() => show(item)}>
          {item.display_name || item.user_name}
        </button>
        <span className="small soft">{item.email || item.user_name}</span>
      </span>
    ),
  },
  { id: "start", header: words.start, cell: (item) => <Time at={item.started_at} seconds /> },
  {
    id: "end",
    header: words.end,
    cell: (item) => (
      <span className={classes["two"]}>
        <EndOf item={item} />
        {item.end_kind !== null && (
          <span className="small soft">
            <EndWord kind={item.end_kind} />
          </span>
        )}
      </span>
    ),
  },
  {
    id: "length",
    header: words.length,
    numeric: true,
    cell: (item) => (
      <span className={classes["two"]}>
        <span>
          <LengthOf item={item} />
        </span>
        {item.target_uses.length > 0 && (
          <span className="small soft" title={activeSentence(item)}>
            {words.active(lengthText(item.active_s * SECOND))}
          </span>
        )}
      </span>
    ),
  },
  { id: "channel", header: words.channel, cell: (item) => <span className="nowrap">{texts.channel[item.channel]}</span> },
  {
    id: "address",
    header: words.address,
    cell: (item) => (
      <span className="mono nowrap" title={agentName(item.user_agent)}>
        {item.client_address || texts.common.nothing}
      </span>
    ),
  },
  {
    id: "targets",
    header: words.targets,
    cell: (item) => (
      <span className={classes["two"]}>
        <span className="nowrap">{item.kind === "console" ? words.console : item.targets.map((id) => targetName(id, names)).join(", ") || words.noTarget}</span>
        {item.privileged_session_id !== null && (
          <span className="small">
            <SessionLink id={item.privileged_session_id} />
          </span>
        )}
      </span>
    ),
  },
];
