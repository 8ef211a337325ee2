/** The table of accounts, for the page of all of them and for a directory's page. */
import { Menu, Switch } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";

import * as calls from "../../api/calls";
import * as queries from "../../api/queries";
import type { Account, List, User } from "../../api/types";
import * as can from "../../can";
import { AccountStateWord } from "../../components/AccountStateWord";
import { DriftNote } from "../../components/DriftNote";
import { nameOf } from "../../components/names";
import { tell, tellProblem } from "../../components/tell";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { Ago } from "../../ui/Ago";
import { type Column, DataTable } from "../../ui/DataTable";
import { Time } from "../../ui/Time";
import { AccountDialog } from "./AccountDialog";
import { isBuiltIn } from "./change";

interface Props {
  list: List<Account> | undefined;
  stale: boolean;
  empty: ReactNode;
  /** A directory's own page does not say it in every row. */
  withDirectory?: boolean;
}

export const AccountsTable = ({ list, stale, empty, withDirectory = true }: Props) => {
  const manage = can.manageAccounts(useMe()).allowed;
  const [edited, setEdited] = useState<Account | null>(null);
  const users = useQuery(queries.users());
  const directories = useQuery(queries.directories());
  const owners = new Map((users.data ?? []).map((user) => [user.id, user]));
  const names = new Map((directories.data ?? []).map(({ id, name }) => [id, name]));
  const columns: Column<Account>[] = [
    { id: "name", header: texts.accounts.name, cell: (account) => <Name account={account} edit={setEdited} /> },
    ...(withDirectory ? [{ id: "directory", header: texts.accounts.directory, cell: (account: Account) => <Link className="nowrap" to={paths.directory(account.directory_id)}>{names.get(account.directory_id)}</Link> }] : []),
    { id: "owner", header: texts.accounts.owner, cell: (account) => <Owner account={account} owners={owners} edit={manage ? setEdited : null} /> },
    { id: "privileged", header: texts.accounts.privileged, cell: (account) => <PrivilegedSwitch account={account} /> },
    { id: "state", header: texts.accounts.state, cell: (account) => <AccountStateWord state={account.state} /> },
    { id: "expires", header: texts.accounts.expires, wideOnly: true, cell: (account) => (account.expires_at === null ? <span className="soft">{texts.common.nothing}</span> : <Time at={account.expires_at} />) },
    { id: "seen", header: texts.accounts.seen, cell: (account) => (account.last_seen_at === null ? <span className="soft">{texts.common.nothing}</span> : <Ago at={account.last_seen_at} />) },
    { id: "drift", header: texts.accounts.drift, grow: true, cell: (account) => (account.drift === null ? null : <DriftNote account={account} />) },
    { id: "actions", header: "", cell: (account) => <RowActions account={account} /> },
  ];
  // These are rare: their columns stand only where there is something in them.
  const rare = { drift: (account: Account) => account.drift !== null, expires: (account: Account) => account.expires_at !== null };
  const empties = Object.entries(rare).flatMap(([id, has]) => (list?.items.some(has) ? [] : [id]));
  const kept = columns.filter(({ id }) => !empties.includes(id));
  const shown = empties.includes("drift") ? kept.map((column) => (column.id === "seen" ? { ...column, grow: true } : column)) : kept;
  return (
    <>
      <DataTable caption={texts.accounts.caption} columns={shown} rows={list?.items} rowId={(account) => account.id} stale={stale} onOpen={setEdited} empty={empty} />
      {edited !== null && <AccountDialog account={edited} directory={names.get(edited.directory_id) ?? ""} onClose={() => setEdited(null)} />}
    </>
  );
};

const Name = ({ account, edit }: { account: Account; edit: (account: Account) => void }) => (
  <span className="stack">
    <button type="button" className="link-button" onClick={() => edit(account)}>
      {account.name}
    </button>
    {account.email !== "" && <span className="small soft">{account.email}</span>}
  </span>
);

interface OwnerProps {
  account: Account;
  owners: ReadonlyMap<string, User>;
  /** null for those who may not. */
  edit: ((account: Account) => void) | null;
}

const Owner = ({ account, owners, edit }: OwnerProps) => {
  const owner = account.user_id === null ? undefined : owners.get(account.user_id);
  if (edit === null) return <span className={owner ? "nowrap" : "nowrap soft"}>{owner ? nameOf(owner) : texts.common.noOwner}</span>;
  if (account.user_id === null)
    return (
      <button type="button" className="text-button" aria-label={texts.accounts.assignOwner(account.name)} onClick={() => edit(account)}>
        {texts.accounts.assign}
      </button>
    );
  return (
    <button type="button" className="link-button nowrap" style={{ fontWeight: 400 }} title={texts.accounts.changeOwner(account.name)} onClick={() => edit(account)}>
      {owner ? nameOf(owner) : texts.common.loading}
    </button>
  );
};

const useChanged = () => {
  const client = useQueryClient();
  return (): void => {
    for (const noun of ["account", "directory", "me"]) void client.invalidateQueries({ queryKey: [noun] });
  };
};

const PrivilegedSwitch = ({ account }: { account: Account }) => {
  const manage = can.manageAccounts(useMe());
  const changed = useChanged();
  const change = useMutation({ mutationFn: (privileged: boolean) => calls.changeAccount(account.id, { privileged, version: account.version }), onSettled: changed, onError: tellProblem });
  if (!manage.allowed) return account.privileged ? texts.common.privileged : <span className="soft">{texts.common.nothing}</span>;
  const shown = change.isPending ? change.variables : account.privileged;
  return <Switch size="xs" aria-label={texts.accounts.privilegedOf(account.name)} checked={shown} title={texts.accounts.privilegedHint} onChange={(event) => change.mutate(event.currentTarget.checked)} />;
};

const RowActions = ({ account }: { account: Account }) => {
  const manage = can.manageAccounts(useMe()).allowed;
  const changed = useChanged();
  const look = useMutation({
    mutationFn: () => calls.observeAccount(account.id),
    onSuccess: (seen) => {
      tell(texts.accounts.looked(seen.name, texts.accountState[seen.state]));
      changed();
    },
    onError: tellProblem,
  });
  const canAsk = account.privileged && account.user_id !== null && account.state !== "absent";
  const canLook = manage && !isBuiltIn(account);
  if (!canAsk && !canLook) return null;
  return (
    <Menu position="bottom-end" width={190}>
      <Menu.Target>
        <button type="button" className="icon-button" aria-label={texts.accounts.actions(account.name)} aria-busy={look.isPending}>
          <IconDots size={17} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {canLook && <Menu.Item onClick={() => look.mutate()}>{texts.accounts.look}</Menu.Item>}
        {canAsk && (
          <Menu.Item component={Link} to={paths.newPrivilegedSession(account.id)}>
            {texts.accounts.request}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
};
