import { Button } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";

import * as queries from "../../api/queries";
import { nameOf } from "../../components/names";
import { named, Pick } from "../../components/Pick";
import { texts } from "../../texts";
import { useSearchState } from "../../ui/useSearchState";
import { ACCESS_ACTIONS, actionChoice, ACTIONS } from "./actions";
import classes from "./Audit.module.css";
import { isFiltered, NO_FILTERS, viewOf } from "./filter-state";

const words = texts.audit;

export const Filters = () => {
  const [params, set] = useSearchState();
  const users = useQuery(queries.users());
  const targets = useQuery(queries.targets());
  const change = (name: string) => (value: string | null) => set({ [name]: value, after: null });
  const actions = viewOf(params) === "access" ? ACCESS_ACTIONS : ACTIONS;
  return (
    <div className={classes["filters"]}>
      <Pick className={classes["action"]} label={words.action} any={words.anyAction} value={params.get("action")} onChange={change("action")} data={actions.map((action) => ({ value: action, label: actionChoice(action) }))} />
      <Pick className={classes["pick"]} label={words.user} any={words.anyUser} value={params.get("user_id")} onChange={change("user_id")} data={(users.data ?? []).map((user) => ({ value: user.id, label: nameOf(user) }))} />
      <Pick className={classes["pick"]} label={words.target} any={words.anyTarget} value={params.get("target_id")} onChange={change("target_id")} data={named(targets.data)} />
      <Only name="privileged_session_id" label={words.oneSession} />
      <Only name="sign_in_id" label={words.oneSignIn} />
      {isFiltered(params) && (
        <Button variant="subtle" onClick={() => set(NO_FILTERS)}>
          {texts.common.clear}
        </Button>
      )}
    </div>
  );
};

/** A filter that comes from elsewhere, by a link: shown, and taken away here. */
const Only = ({ name, label }: { name: "privileged_session_id" | "sign_in_id"; label: string }) => {
  const [params, set] = useSearchState();
  const id = params.get(name);
  if (id === null) return null;
  return (
    <span className={classes["only"]}>
      {label} <span className="mono">{id.slice(-6)}</span>
      <button type="button" className="icon-button" aria-label={`${texts.common.remove}: ${label}`} onClick={() => set({ [name]: null, after: null })}>
        <IconX size={14} />
      </button>
    </span>
  );
};
