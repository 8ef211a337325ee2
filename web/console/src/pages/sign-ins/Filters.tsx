import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import * as queries from "../../api/queries";
import { nameOf } from "../../components/names";
import { named, Pick } from "../../components/Pick";
import { texts } from "../../texts";
import { SearchField } from "../../ui/SearchField";
import { useSearchState } from "../../ui/useSearchState";
import { isFiltered, NO_FILTERS } from "./filter-state";
import classes from "./SignIns.module.css";

const words = texts.signIns;

const listOf = (choices: Record<string, string>) => Object.entries(choices).map(([value, label]) => ({ value, label }));

export const Filters = () => {
  const [params, set] = useSearchState();
  const targets = useQuery(queries.targets());
  const users = useQuery(queries.users());
  const change = (name: string) => (value: string | null) => set({ [name]: value, after: null });
  const one = params.has("user_id");
  return (
    <div className={classes["filters"]}>
      <div className={classes["pick"]} data-wide>
        {one ? (
          <Pick label={words.user} any={words.userName} value={params.get("user_id")} onChange={change("user_id")} data={(users.data ?? []).map((user) => ({ value: user.id, label: nameOf(user) }))} />
        ) : (
          <SearchField label={words.userName} value={params.get("user_name") ?? ""} onChange={change("user_name")} width="100%" />
        )}
      </div>
      <Pick className={classes["pick"]} label={words.channel} any={words.anyChannel} value={params.get("channel")} onChange={change("channel")} data={listOf(texts.channel)} />
      <Pick className={classes["pick"]} label={words.kind} any={words.anyKind} value={params.get("kind")} onChange={change("kind")} data={listOf(words.kinds)} />
      <Pick className={classes["pick"]} label={words.target} any={words.anyTarget} value={params.get("target_id")} onChange={change("target_id")} data={named(targets.data)} />
      <div className={classes["pick"]}>
        <SearchField label={words.exactAddress} value={params.get("client_address") ?? ""} onChange={change("client_address")} width="100%" />
      </div>
      {isFiltered(params) && (
        <Button variant="subtle" onClick={() => set(NO_FILTERS)}>
          {texts.common.clear}
        </Button>
      )}
    </div>
  );
};
