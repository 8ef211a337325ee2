import { useQuery } from "@tanstack/react-query";

import * as queries from "../../api/queries";
import type { ExportRun } from "../../api/types";
import { ProblemNote } from "../../components/ProblemNote";
import { texts } from "../../texts";
import { bytesText } from "../../ui/bytes";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Section } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { Time } from "../../ui/Time";
import { useSearchState } from "../../ui/useSearchState";
import { intervalText } from "./interval";
import classes from "./ScheduledExports.module.css";

const words = texts.scheduledExports;

const columns: Column<ExportRun>[] = [
  { id: "interval", header: words.interval, cell: (run) => <span className="nowrap">{intervalText(run.interval_start, run.interval_end)}</span> },
  { id: "file", header: words.file, grow: true, cell: (run) => <File run={run} /> },
  { id: "rows", header: words.rows, numeric: true, cell: ({ rows }) => rows?.toLocaleString("en-GB") ?? "" },
  { id: "size", header: words.size, numeric: true, cell: ({ bytes }) => (bytes === null ? "" : bytesText(bytes)) },
  { id: "written", header: words.written, cell: ({ written_at }) => (written_at === null ? <span className="soft">{words.waiting}</span> : <Time at={written_at} />) },
  { id: "verified", header: words.verified, cell: ({ verified_at }) => (verified_at === null ? <span className="soft">{texts.common.nothing}</span> : <Time at={verified_at} />) },
];

const File = ({ run }: { run: ExportRun }) => (
  <span className="stack">
    {run.file !== null && (
      <span className={`mono ${classes["file"]}`} title={run.sha256 === null ? undefined : `SHA-256 ${run.sha256}`}>
        {run.file}
      </span>
    )}
    {run.first_number !== null && run.last_number !== null && <span className="small soft">{words.numbers(run.first_number, run.last_number)}</span>}
    {run.revision > 0 && <span className="small soft">{words.again(run.revision)}</span>}
    {run.problem !== null && (
      <span className="small" style={{ color: "var(--tone-warn)" }}>
        {run.problem} ({words.tries(run.attempt)}
        {run.next_try_at !== null && (
          <>
            , <Time at={run.next_try_at} seconds />
          </>
        )}
        )
      </span>
    )}
  </span>
);

export const Runs = ({ id }: { id: string }) => {
  const [params] = useSearchState();
  const runs = useQuery(queries.exportRuns(id, params.get("after")));
  return (
    <Section title={words.runs}>
      {runs.error && !runs.data ? (
        <ProblemNote error={runs.error} onRetry={() => void runs.refetch()} />
      ) : (
        <DataTable caption={words.runs} columns={columns} rows={runs.data?.items} stale={runs.isPlaceholderData} rowId={({ number }) => String(number)} empty={<EmptyState title={words.runsEmpty} hint={words.runsEmptyHint} />} />
      )}
      <Pager next={runs.data?.next ?? null} firstLabel={texts.common.firstPage} nextLabel={texts.common.nextPage} />
    </Section>
  );
};
