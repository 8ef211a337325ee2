/**
 * What can be done with the session now: what the server allows, and disabled with its reason what a rule refuses.
 * What a role is missing for stands in the menu, so that the row stays short.
 */
import { Menu } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useState } from "react";
import { useNavigate } from "react-router";

import type { Action, PrivilegedSession } from "../../api/types";
import * as can from "../../can";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { RefusableButton } from "../../ui/RefusableButton";
import { ActionDialog } from "./ActionDialog";
import { EditDialog } from "./EditDialog";
import { EndDialog } from "./EndDialog";

/** In the order in which they are offered. */
const ORDER: readonly Action[] = ["Open", "HandBack", "Approve", "Reject", "Edit", "Process", "EnableAccount", "DisableAccount", "Extend", "Shorten", "Cancel", "End"];
/** While more time is asked for, these are about that and stand with it. */
const ABOUT_EXTENSION: readonly Action[] = ["Approve", "Reject", "Cancel", "Extend"];
const SWITCHES: readonly Action[] = ["EnableAccount", "DisableAccount"];
const MAIN: readonly Action[] = ["Open", "Approve"];
const DANGER: readonly Action[] = ["End"];
/** Rules that say *somebody else's work*, not *not now*. */
const NOT_YOURS = /\/(role-missing|not-the-user)$/;

export const Actions = ({ session }: { session: PrivilegedSession }) => {
  const navigate = useNavigate();
  const [chosen, setChosen] = useState<Action | null>(null);
  const standsElsewhere = (action: Action): boolean =>
    (session.extension !== null && ABOUT_EXTENSION.includes(action)) ||
    // With several accounts each has its switch on the Account tab.
    (session.more_accounts.length > 0 && SWITCHES.includes(action));
  const offered = ORDER.filter((action) => can.act(session, action) !== null && !standsElsewhere(action));
  const elsewhere = offered.filter((action) => session.refused_actions.some((one) => one.action === action && NOT_YOURS.test(one.type)));
  const here = offered.filter((action) => !elsewhere.includes(action));
  const start = (action: Action): void => {
    if (action === "Open") void navigate(paths.open(session.id));
    else setChosen(action);
  };
  const close = (): void => setChosen(null);

  return (
    <>
      {here.map((action) => {
        const permission = can.act(session, action);
        return (
          <RefusableButton
            key={action}
            refusal={permission?.allowed === false ? permission.reason : null}
            variant={MAIN.includes(action) ? "filled" : DANGER.includes(action) ? "outline" : "default"}
            {...(DANGER.includes(action) ? { color: "red" } : {})}
            onClick={() => start(action)}
          >
            {texts.action[action]}
          </RefusableButton>
        );
      })}
      {elsewhere.length > 0 && (
        <Menu position="bottom-end" width={280}>
          <Menu.Target>
            <button type="button" className="icon-button" aria-label={texts.session.refusedTitle}>
              <IconDots size={18} />
            </button>
          </Menu.Target>
          <Menu.Dropdown>
            {elsewhere.map((action) => (
              <Menu.Item key={action} disabled>
                <span className="stack">
                  <span>{texts.action[action]}</span>
                  <span className="small">{session.refused_actions.find((one) => one.action === action)?.detail}</span>
                </span>
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      {chosen === "Edit" && <EditDialog session={session} onClose={close} />}
      {(chosen === "Extend" || chosen === "Shorten") && <EndDialog session={session} action={chosen} onClose={close} />}
      {chosen !== null && chosen !== "Edit" && chosen !== "Open" && chosen !== "Extend" && chosen !== "Shorten" && <ActionDialog session={session} action={chosen} onClose={close} />}
    </>
  );
};
