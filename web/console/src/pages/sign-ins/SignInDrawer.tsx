import { Button, Drawer } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";

import * as calls from "../../api/calls";
import type { LoginEvent } from "../../api/types";
import * as can from "../../can";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { SessionLink } from "../../components/SessionLink";
import { EndWord, LengthOf } from "../../components/SignInEnd";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { CopyId } from "../../ui/CopyId";
import { Fact, Facts } from "../../ui/Facts";
import { lengthText, SECOND } from "../../ui/time";
import { Time } from "../../ui/Time";
import { activeSentence, EndOf, type Names, targetName } from "./columns";
import classes from "./SignIns.module.css";

const words = texts.signIns;

/** Everything that is known of one sign-in. */
export const SignInDrawer = ({ item, names, onClose }: { item: LoginEvent; names: Names; onClose: () => void }) => {
  const client = useQueryClient();
  const mayEnd = can.endSignIns(useMe()).allowed && item.ended_at === null;
  const [ending, setEnding] = useState(false);
  const name = item.display_name || item.user_name;
  if (ending)
    return (
      <ConfirmDialog
        title={words.endOf(name)}
        why={words.endWhy}
        action={words.endNow}
        perform={() => calls.endSignIn(item.sign_in_id)}
        onClose={() => setEnding(false)}
        onDone={() => {
          void client.invalidateQueries({ queryKey: ["sign_in"] });
          onClose();
        }}
      />
    );
  return (
    <Drawer opened onClose={onClose} position="right" size={460} title={words.of(name)} closeButtonProps={{ "aria-label": texts.common.close }}>
      <Facts>
        <Fact name={words.user}>
          {name} <span className="soft">{[item.user_name, item.email].filter((one) => one !== "" && one !== name).join(" · ")}</span>
        </Fact>
        <Fact name={words.start}>
          <Time at={item.started_at} seconds />
        </Fact>
        <Fact name={words.end}>
          <EndOf item={item} />
          {item.end_is_estimated && <div className="small soft">{words.estimatedHint}</div>}
        </Fact>
        {item.end_kind !== null && (
          <Fact name={words.how}>
            <EndWord kind={item.end_kind} />
          </Fact>
        )}
        <Fact name={words.length}>
          <LengthOf item={item} />
          {item.target_uses.length > 0 && <span className="soft"> · {activeSentence(item)}</span>}
        </Fact>
        <Fact name={words.channel}>{texts.channel[item.channel]}</Fact>
        <Fact name={words.kind}>{words.kinds[item.kind]}</Fact>
        {item.target_uses.length > 0 && (
          <Fact name={words.targets}>
            <ul className={classes["uses"]}>
              {item.target_uses.map((use) => (
                <li key={use.target_id}>
                  {targetName(use.target_id, names)} <span className="soft small">{words.activeIdle(lengthText(use.active_s * SECOND), lengthText(use.idle_s * SECOND))}</span>
                </li>
              ))}
            </ul>
            <span className="small soft">{words.activeHint}</span>
          </Fact>
        )}
        {item.privileged_session_id !== null && (
          <Fact name={words.session}>
            <SessionLink id={item.privileged_session_id} />
          </Fact>
        )}
        <Fact name={words.address}>
          <span className="mono">{item.client_address || texts.common.nothing}</span>
        </Fact>
        <Fact name={words.agent}>{item.user_agent || texts.common.nothing}</Fact>
        <Fact name={words.id}>
          <CopyId id={item.sign_in_id} copyLabel={texts.common.copy} copiedLabel={texts.common.copied} />
        </Fact>
      </Facts>
      <div className="form-actions" style={{ marginTop: 16 }}>
        <Button variant="default" component={Link} to={paths.audit({ sign_in_id: item.sign_in_id })}>
          {words.events}
        </Button>
        {mayEnd && (
          <Button variant="outline" color="red" onClick={() => setEnding(true)}>
            {words.endNow}
          </Button>
        )}
      </div>
    </Drawer>
  );
};
