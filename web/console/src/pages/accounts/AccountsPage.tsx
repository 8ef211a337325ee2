import { Button, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import * as queries from "../../api/queries";
import type { Directory } from "../../api/types";
import { nameOf } from "../../components/names";
import { ProblemNote } from "../../components/ProblemNote";
import { texts } from "../../texts";
import { Chips } from "../../ui/Chips";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { SearchField } from "../../ui/SearchField";
import { zoneName } from "../../ui/time";
import { useSearchState } from "../../ui/useSearchState";
import { AccountsTable } from "./AccountsTable";
import { FLAGS, filtersOf, flagsOf, isFiltered, NO_FILTERS, STATES } from "./filter-state";

const FLAG_LABELS = { privileged: texts.accounts.onlyPrivileged, drifted: texts.accounts.onlyDrifted };

export const AccountsPage = () => {
  const [params, set] = useSearchState();
  const directories = useQuery(queries.directories());
  const accounts = useQuery(queries.accounts({ ...filtersOf(params), after: params.get("after") }));
  const filtered = isFiltered(params);
  return (
    <Page title={texts.accounts.title} product={texts.product} lead={directories.data && summary(directories.data, params.get("directory_id"))}>
      <Filters directories={directories.data ?? []} />
      {accounts.error && !accounts.data ? (
        <ProblemNote error={accounts.error} onRetry={() => void accounts.refetch()} />
      ) : (
        <AccountsTable
          list={accounts.data}
          stale={accounts.isPlaceholderData}
          empty={
            filtered ? (
              <EmptyState title={texts.accounts.emptyFiltered} hint={texts.accounts.emptyFilteredHint}>
                <Button variant="default" onClick={() => set(NO_FILTERS)}>
                  {texts.common.clear}
                </Button>
              </EmptyState>
            ) : (
              <EmptyState title={texts.accounts.empty} hint={texts.accounts.emptyHint} />
            )
          }
        />
      )}
      <Pager next={accounts.data?.next ?? null} firstLabel={texts.common.firstPage} nextLabel={texts.common.nextPage} />
      <p className="small soft">{texts.common.inZone(zoneName())}</p>
    </Page>
  );
};

/** How many there are, of the chosen directory or of all. */
const summary = (directories: readonly Directory[], chosen: string | null): string => {
  const counted = chosen === null ? directories : directories.filter(({ id }) => id === chosen);
  const sum = (count: (directory: Directory) => number): string => counted.reduce((all, one) => all + count(one), 0).toLocaleString("en-GB");
  return texts.accounts.summary(sum(({ accounts }) => accounts), sum(({ privileged }) => privileged));
};

const Filters = ({ directories }: { directories: readonly Directory[] }) => {
  const [params, set] = useSearchState();
  const users = useQuery(queries.users());
  const change = (name: string) => (value: string | null) => set({ [name]: value, after: null });
  return (
    <div className="row" style={{ marginBottom: 12 }}>
      <SearchField label={texts.accounts.search} value={params.get("q") ?? ""} onChange={change("q")} width={180} />
      <Select aria-label={texts.accounts.anyDirectory} placeholder={texts.accounts.anyDirectory} clearable searchable w={{ base: "100%", sm: 160 }} value={params.get("directory_id")} onChange={change("directory_id")} data={directories.map(({ id, name }) => ({ value: id, label: name }))} />
      <Select aria-label={texts.accounts.anyOwner} placeholder={texts.accounts.anyOwner} clearable searchable limit={50} w={{ base: "calc(50% - 4px)", sm: 140 }} value={params.get("user_id")} onChange={change("user_id")} data={(users.data ?? []).map((user) => ({ value: user.id, label: nameOf(user) }))} />
      <Select aria-label={texts.accounts.anyState} placeholder={texts.accounts.anyState} clearable w={{ base: "calc(50% - 4px)", sm: 120 }} value={params.get("state")} onChange={change("state")} data={STATES.map((state) => ({ value: state, label: texts.accountState[state] }))} />
      <Chips
        label={texts.accounts.flags}
        options={FLAGS.map((flag) => ({ value: flag, label: FLAG_LABELS[flag] }))}
        chosen={flagsOf(params)}
        onChange={(chosen) => set({ ...Object.fromEntries(FLAGS.map((flag) => [flag, chosen.includes(flag) ? "yes" : null])), after: null })}
      />
      {isFiltered(params) && (
        <Button variant="subtle" onClick={() => set(NO_FILTERS)}>
          {texts.common.clear}
        </Button>
      )}
    </div>
  );
};
