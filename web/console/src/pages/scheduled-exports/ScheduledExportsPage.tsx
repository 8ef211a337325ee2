import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";

import * as queries from "../../api/queries";
import type { ScheduledExport } from "../../api/types";
import * as can from "../../can";
import { ProblemNote } from "../../components/ProblemNote";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { RefusableButton } from "../../ui/RefusableButton";
import { zoneName } from "../../ui/time";
import { Time } from "../../ui/Time";
import { lastWritten, placeOf, stateOf } from "./state";
import { StateWord } from "./StateWord";

const words = texts.scheduledExports;

const columns: Column<ScheduledExport>[] = [
  {
    id: "name",
    header: words.name,
    cell: ({ id, name }) => (
      <Link className="cell-link nowrap" to={paths.scheduledExport(id)}>
        {name}
      </Link>
    ),
  },
  { id: "content", header: words.content, cell: ({ content }) => <span className="nowrap">{words.contents[content]?.label}</span> },
  { id: "every", header: words.every, cell: ({ every }) => <span className="nowrap">{words.intervals[every]?.label}</span> },
  { id: "format", header: words.format, cell: ({ format }) => <span className="nowrap">{texts.export.format[format].name}</span> },
  { id: "where", header: words.where, grow: true, cell: ({ target }) => <span className="mono">{placeOf(target)}</span> },
  { id: "last", header: words.lastRun, cell: (one) => <Written at={lastWritten(one)} /> },
  { id: "state", header: words.state, cell: (one) => <StateWord state={stateOf(one)} /> },
];

const Written = ({ at }: { at: string | null }) => (at === null ? <span className="soft">{texts.common.nothing}</span> : <Time at={at} />);

export const ScheduledExportsPage = () => {
  const manage = can.manageExports(useMe());
  const navigate = useNavigate();
  const exports = useQuery(queries.scheduledExports());
  return (
    <Page
      title={words.title}
      product={texts.product}
      lead={words.lead}
      actions={
        manage.allowed ? (
          <Button component={Link} to={paths.newScheduledExport} leftSection={<IconPlus size={16} />}>
            {words.add}
          </Button>
        ) : (
          <RefusableButton refusal={manage.reason} leftSection={<IconPlus size={16} />} onClick={() => undefined}>
            {words.add}
          </RefusableButton>
        )
      }
    >
      {exports.error && !exports.data ? (
        <ProblemNote error={exports.error} onRetry={() => void exports.refetch()} />
      ) : (
        <DataTable caption={words.caption} columns={columns} rows={exports.data} rowId={({ id }) => id} onOpen={({ id }) => void navigate(paths.scheduledExport(id))} empty={<EmptyState title={words.empty} hint={words.emptyHint} />} />
      )}
      <p className="small soft">{texts.common.inZone(zoneName())}</p>
    </Page>
  );
};
