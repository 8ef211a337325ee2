import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";

import * as queries from "../../api/queries";
import type { Account, User } from "../../api/types";
import { AccountStateWord } from "../../components/AccountStateWord";
import { nameOf } from "../../components/names";
import { ProblemNote } from "../../components/ProblemNote";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { SearchField } from "../../ui/SearchField";
import { useSearchState } from "../../ui/useSearchState";
import { AccountDialog } from "./AccountDialog";

const columnsFor = (owners: ReadonlyMap<string, User>, directories: ReadonlyMap<string, string>, edit: (account: Account) => void): Column<Account>[] => [
  {
    id: "name",
    header: texts.accounts.name,
    cell: (account) => (
      <button type="button" className="link-button" onClick={() => edit(account)}>
        {account.name}
      </button>
    ),
  },
  { id: "state", header: texts.accounts.state, cell: (account) => <AccountStateWord state={account.state} /> },
  { id: "privileged", header: texts.accounts.privileged, cell: (account) => (account.privileged ? texts.common.privileged : <span className="soft">{texts.common.nothing}</span>) },
  {
    id: "owner",
    header: texts.accounts.owner,
    cell: (account) => {
      const owner = account.user_id === null ? undefined : owners.get(account.user_id);
      return owner ? nameOf(owner) : <span className="soft">{texts.common.noOwner}</span>;
    },
  },
  { id: "directory", header: texts.accounts.directory, grow: true, wideOnly: true, cell: (account) => <span className="soft">{directories.get(account.directory_id)}</span> },
  {
    id: "request",
    header: "",
    cell: (account) =>
      account.privileged && account.user_id !== null && account.state !== "absent" ? (
        <Link to={paths.newPrivilegedSession(account.id)} className="nowrap">
          {texts.accounts.request}
        </Link>
      ) : null,
  },
];

export const AccountsPage = () => {
  const [params, set] = useSearchState();
  const [edited, setEdited] = useState<Account | null>(null);
  const accounts = useQuery(queries.accounts());
  const users = useQuery(queries.users());
  const directories = useQuery(queries.directories());
  const q = (params.get("q") ?? "").toLowerCase();
  const shown = accounts.data?.filter((account) => account.name.toLowerCase().includes(q)).sort((a, b) => Number(b.privileged) - Number(a.privileged) || a.name.localeCompare(b.name));
  const columns = columnsFor(new Map((users.data ?? []).map((user) => [user.id, user])), new Map((directories.data ?? []).map(({ id, name }) => [id, name])), setEdited);
  return (
    <Page title={texts.accounts.title} product={texts.product} actions={<SearchField label={texts.accounts.search} value={params.get("q") ?? ""} onChange={(text) => set({ q: text })} width={220} />}>
      {accounts.error && !accounts.data ? (
        <ProblemNote error={accounts.error} onRetry={() => void accounts.refetch()} />
      ) : (
        <DataTable caption={texts.accounts.caption} columns={columns} rows={shown} rowId={(account) => account.id} onOpen={setEdited} empty={<EmptyState title={texts.accounts.empty} hint={texts.accounts.emptyHint} />} />
      )}
      {edited !== null && <AccountDialog account={edited} users={users.data ?? []} onClose={() => setEdited(null)} />}
    </Page>
  );
};
