/** Enables or disables one account for the rest of the session. */
import { useState } from "react";

import type { Action, Grant, PrivilegedSession, SessionAccount } from "../../api/types";
import * as can from "../../can";
import { texts } from "../../texts";
import { RefusableButton } from "../../ui/RefusableButton";
import { ActionDialog } from "./ActionDialog";

interface Props {
  session: PrivilegedSession;
  account: SessionAccount;
  grant: Grant | undefined;
}

export const AccountSwitch = ({ session, account, grant }: Props) => {
  const [asked, setAsked] = useState(false);
  // What it is to be now; without a grant nothing can be switched.
  const action: Extract<Action, "EnableAccount" | "DisableAccount"> = grant?.desired === "enabled" ? "DisableAccount" : "EnableAccount";
  const may = grant === undefined || grant.phase === "closed" ? null : can.act(session, action);
  if (may === null) return null;
  return (
    <>
      <RefusableButton size="compact-sm" h={26} px={9} fz={12.5} variant="default" refusal={may.allowed ? null : may.reason} onClick={() => setAsked(true)}>
        {texts.action[action]}
      </RefusableButton>
      {asked && <ActionDialog session={session} action={action} account={account} onClose={() => setAsked(false)} />}
    </>
  );
};
