import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import * as queries from "../../api/queries";
import type { User } from "../../api/types";
import * as can from "../../can";
import { ProblemNote } from "../../components/ProblemNote";
import { SecretOnce } from "../../components/SecretOnce";
import { useMe } from "../../components/useMe";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { RefusableButton } from "../../ui/RefusableButton";
import { SearchField } from "../../ui/SearchField";
import { useSearchState } from "../../ui/useSearchState";
import { UserDialog } from "./UserDialog";

const columnsFor = (edit: (user: User) => void): Column<User>[] => [
  {
    id: "name",
    header: texts.users.displayName,
    cell: (user) => (
      <button type="button" className="link-button" onClick={() => edit(user)}>
        {user.display_name || user.user_name}
      </button>
    ),
  },
  { id: "user_name", header: texts.users.userName, cell: (user) => <span className="mono">{user.user_name}</span> },
  { id: "roles", header: texts.users.roles, grow: true, cell: (user) => user.roles.map((role) => texts.role[role].label).join(", ") },
  { id: "email", header: texts.users.email, cell: (user) => user.email || <span className="soft">{texts.common.nothing}</span> },
  { id: "state", header: texts.users.state, cell: (user) => (user.active ? texts.users.active : <span className="soft">{texts.users.inactive}</span>) },
];

export const UsersPage = () => {
  const manage = can.manageUsers(useMe());
  const [params, set] = useSearchState();
  const [edited, setEdited] = useState<User | "new" | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const users = useQuery(queries.users());
  const q = (params.get("q") ?? "").toLowerCase();
  const shown = users.data?.filter((user) => `${user.user_name} ${user.display_name} ${user.email ?? ""}`.toLowerCase().includes(q));
  const finish = (password: string | null): void => {
    setEdited(null);
    setSecret(password);
  };
  return (
    <Page
      title={texts.users.title}
      product={texts.product}
      actions={
        <>
          <SearchField label={texts.users.search} value={params.get("q") ?? ""} onChange={(text) => set({ q: text })} width={220} />
          <RefusableButton refusal={manage.allowed ? null : manage.reason} leftSection={<IconPlus size={16} />} onClick={() => setEdited("new")}>
            {texts.users.new}
          </RefusableButton>
        </>
      }
    >
      {users.error && !users.data ? (
        <ProblemNote error={users.error} onRetry={() => void users.refetch()} />
      ) : (
        <DataTable caption={texts.users.caption} columns={columnsFor(setEdited)} rows={shown} rowId={(user) => user.id} onOpen={setEdited} empty={<EmptyState title={texts.users.empty} />} />
      )}
      {edited !== null && <UserDialog user={edited === "new" ? null : edited} onDone={finish} onClose={() => setEdited(null)} />}
      {secret !== null && <SecretOnce title={texts.users.oneTime} hint={texts.users.oneTimeHint} secret={secret} onClose={() => setSecret(null)} />}
    </Page>
  );
};
