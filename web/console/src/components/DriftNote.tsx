/** What somebody else made of an account, until somebody takes notice. */
import { Button } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";

import * as calls from "../api/calls";
import type { Account } from "../api/types";
import * as can from "../can";
import { texts } from "../texts";
import { fullText } from "../ui/time";
import { isLaxer } from "./drift";
import { tell, tellProblem } from "./tell";
import { useMe } from "./useMe";
import classes from "./DriftNote.module.css";

export const DriftNote = ({ account }: { account: Account }) => {
  const client = useQueryClient();
  const manage = can.manageAccounts(useMe());
  const notice = useMutation({
    mutationFn: () => calls.changeAccount(account.id, { drift_seen: true, version: account.version }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["account"] });
      void client.invalidateQueries({ queryKey: ["directory"] });
      tell(texts.accounts.noticed);
    },
    onError: tellProblem,
  });
  if (account.drift === null) return null;
  return (
    <span className={classes["drift"]} data-laxer={isLaxer(account) || undefined}>
      <span className={classes["words"]}>
        <IconAlertTriangle size={15} aria-hidden />
        <span title={fullText(new Date(account.drift.at))}>{texts.accounts.driftSentence(texts.accountState[account.drift.expected], texts.accountState[account.state])}</span>
      </span>
      {manage.allowed && (
        <Button size="compact-xs" variant="default" h={24} fz={12} px={8} loading={notice.isPending} onClick={() => notice.mutate()}>
          {texts.accounts.driftSeen}
        </Button>
      )}
    </span>
  );
};
