import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";

import * as queries from "../../api/queries";
import type { Directory } from "../../api/types";
import * as can from "../../can";
import { ProblemNote } from "../../components/ProblemNote";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { RefusableButton } from "../../ui/RefusableButton";
import { ImportWords } from "./ImportWords";
import { KindIcon } from "./KindIcon";

const words = texts.directories;

const columns: Column<Directory>[] = [
  { id: "name", header: words.name, cell: (directory) => <Link className="cell-link nowrap" to={paths.directory(directory.id)}>{directory.name}</Link> },
  {
    id: "kind",
    header: words.kind,
    cell: ({ kind }) => (
      <span className="row-tight nowrap">
        <span className="soft" style={{ display: "inline-grid" }}><KindIcon kind={kind} /></span>
        {texts.directoryKind[kind].label}
      </span>
    ),
  },
  { id: "accounts", header: words.accounts, numeric: true, cell: ({ id, accounts }) => <Link to={paths.accounts({ directory_id: id })}>{words.count(accounts)}</Link> },
  { id: "privileged", header: words.privileged, numeric: true, cell: ({ privileged }) => words.count(privileged) },
  {
    id: "drifted",
    header: words.drifted,
    numeric: true,
    cell: ({ id, drifted }) => (drifted === 0 ? <span className="soft">0</span> : <Link style={{ color: "var(--tone-warn)", fontWeight: 550 }} to={paths.accounts({ directory_id: id, drifted: "yes" })}>{words.count(drifted)}</Link>),
  },
  { id: "import", header: words.lastImport, grow: true, cell: (directory) => (directory.kind === "built_in" ? <span className="soft">{texts.common.nothing}</span> : <ImportWords found={directory.import} />) },
];

export const DirectoriesPage = () => {
  const manage = can.manageDirectories(useMe());
  const navigate = useNavigate();
  const directories = useQuery(queries.directories());
  return (
    <Page
      title={words.title}
      product={texts.product}
      actions={
        manage.allowed ? (
          <Button component={Link} to={paths.newDirectory()} leftSection={<IconPlus size={16} />}>
            {words.add}
          </Button>
        ) : (
          <RefusableButton refusal={manage.reason} leftSection={<IconPlus size={16} />} onClick={() => undefined}>
            {words.add}
          </RefusableButton>
        )
      }
    >
      {directories.error && !directories.data ? (
        <ProblemNote error={directories.error} onRetry={() => void directories.refetch()} />
      ) : (
        <DataTable caption={words.caption} columns={columns} rows={directories.data} rowId={({ id }) => id} onOpen={({ id }) => void navigate(paths.directory(id))} empty={<EmptyState title={words.empty} />} />
      )}
    </Page>
  );
};
