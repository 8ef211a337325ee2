/** Choosing one of very many accounts: the server searches, privileged ones come first. */
import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import * as queries from "../api/queries";
import type { Account } from "../api/types";
import { texts } from "../texts";

/** As many as are offered at once; more are found by typing. */
const OFFERED = 25;
const PAUSE_MS = 200;

interface Props {
  label: string;
  /** No label is drawn, only said. */
  bare?: boolean;
  description?: string;
  placeholder: string;
  value: string | null;
  error?: string | undefined;
  clearable?: boolean;
  className?: string | undefined;
  /** Beside the state: whose it is. */
  about?: (account: Account) => string;
  onChange: (account: Account | null) => void;
}

export const AccountPicker = ({ label, bare = false, description, placeholder, value, error, clearable = false, className, about, onChange }: Props) => {
  const [typed, setTyped] = useState("");
  const [q] = useDebouncedValue(typed, PAUSE_MS);
  const chosen = useQuery({ ...queries.account(value ?? ""), enabled: value !== null });
  // The field holds the chosen name until something else is typed: that is no search.
  const search = q === chosen.data?.name ? "" : q;
  const privileged = useQuery(queries.accounts({ q: search, privileged: true, limit: OFFERED }));
  const others = useQuery(queries.accounts({ q: search, privileged: false, limit: OFFERED }));
  const found = [...(privileged.data?.items ?? []), ...(others.data?.items ?? [])].slice(0, OFFERED);
  const offered = value === null || !chosen.data || found.some((one) => one.id === value) ? found : [chosen.data, ...found];
  const directories = useQuery(queries.directories());
  const directoryOf = (account: Account): string => directories.data?.find(({ id }) => id === account.directory_id)?.name ?? "";
  const byId = new Map(offered.map((account) => [account.id, account]));
  const more = found.length === OFFERED;
  return (
    <Select
      {...(bare ? { "aria-label": label } : { label, maw: 420 })}
      {...(description === undefined ? {} : { description })}
      {...(className === undefined ? {} : { className })}
      placeholder={placeholder}
      searchable
      clearable={clearable}
      value={value}
      error={error}
      data={offered.map((account) => ({ value: account.id, label: account.name, disabled: account.state === "absent" }))}
      // The server has searched already.
      filter={({ options }) => options}
      onSearchChange={setTyped}
      nothingFoundMessage={privileged.isPending || others.isPending ? texts.common.loading : texts.common.none}
      onChange={(id) => onChange(byId.get(id ?? "") ?? null)}
      renderOption={({ option }) => {
        const account = byId.get(option.value);
        if (!account) return option.label;
        const words = [directoryOf(account), texts.accountState[account.state], ...(account.privileged ? [texts.common.privileged] : []), ...(about ? [about(account)] : [])];
        return (
          <span className="stack">
            <span>{account.name}</span>
            <span className="small soft">{words.filter((word) => word !== "").join(" · ")}</span>
            {more && account === offered.at(-1) && <span className="small soft">{texts.accounts.pickMore}</span>}
          </span>
        );
      }}
    />
  );
};
