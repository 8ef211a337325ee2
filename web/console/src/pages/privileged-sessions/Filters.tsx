import { Button, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import * as queries from "../../api/queries";
import type { Status } from "../../api/types";
import * as can from "../../can";
import { AccountPicker } from "../../components/AccountPicker";
import { nameOf } from "../../components/names";
import { STATUSES } from "../../components/StatusBadge";
import { useMe } from "../../components/useMe";
import { texts } from "../../texts";
import { Chips } from "../../ui/Chips";
import { SearchField } from "../../ui/SearchField";
import { useSearchState } from "../../ui/useSearchState";
import { isFiltered, NO_FILTERS } from "./filter-state";
import classes from "./Filters.module.css";

export const Filters = ({ timeline }: { timeline: boolean }) => {
  const me = useMe();
  const [params, set] = useSearchState();
  const all = can.seesAllSessions(me);
  const users = useQuery({ ...queries.users(), enabled: can.seeUsers(me).allowed });
  const targets = useQuery({ ...queries.targets(), enabled: can.seeTargets(me).allowed });
  const chosen = params.getAll("status").filter((word): word is Status => STATUSES.some((status) => status === word));
  const change = (name: string) => (value: string | null) => set({ [name]: value, after: null });

  return (
    <div className={classes["filters"]}>
      <Chips
        label={texts.sessions.state}
        options={STATUSES.map((status) => ({ value: status, label: texts.status[status] }))}
        chosen={chosen}
        onChange={(status) => set({ status, after: null })}
      />
      <div className={classes["fields"]}>
        <SearchField label={texts.sessions.search} value={params.get("q") ?? ""} onChange={(q) => set({ q, after: null })} width={300} />
        {all ? (
          <AccountPicker bare clearable label={texts.sessions.anyAccount} placeholder={texts.sessions.anyAccount} className={classes["pick"]} value={params.get("account_id")} onChange={(account) => change("account_id")(account?.id ?? null)} />
        ) : (
          <Pick label={texts.sessions.anyAccount} value={params.get("account_id")} onChange={change("account_id")} data={named(me.accounts)} />
        )}
        {all && <Pick label={texts.sessions.anyUser} value={params.get("user_id")} onChange={change("user_id")} data={(users.data ?? []).map((user) => ({ value: user.id, label: nameOf(user) }))} />}
        {all && <Pick label={texts.sessions.anyTarget} value={params.get("target_id")} onChange={change("target_id")} data={named(targets.data)} />}
        {!timeline && (
          <Pick
            label={texts.sessions.anyTime}
            value={params.get("time")}
            onChange={change("time")}
            data={(["today", "week", "month"] as const).map((value) => ({ value, label: texts.sessions.times[value] }))}
          />
        )}
        {isFiltered(params) && (
          <Button variant="subtle" onClick={() => set(NO_FILTERS)}>
            {texts.common.clear}
          </Button>
        )}
      </div>
    </div>
  );
};

const named = (items: readonly { id: string; name: string }[] | undefined) => (items ?? []).map(({ id, name }) => ({ value: id, label: name }));

interface PickProps {
  label: string;
  value: string | null;
  onChange: (value: string | null) => void;
  data: { value: string; label: string }[];
}

const Pick = ({ label, value, onChange, data }: PickProps) => (
  <Select aria-label={label} placeholder={label} value={value} onChange={onChange} data={data} searchable clearable limit={50} className={classes["pick"] ?? ""} nothingFoundMessage={texts.common.none} />
);
