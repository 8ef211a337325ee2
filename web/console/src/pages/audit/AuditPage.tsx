import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import * as queries from "../../api/queries";
import type { AuditEvent } from "../../api/types";
import { ExportMenu } from "../../components/ExportMenu";
import { PeriodFields } from "../../components/PeriodFields";
import { ProblemNote } from "../../components/ProblemNote";
import { texts } from "../../texts";
import { DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { zoneName } from "../../ui/time";
import { useSearchState } from "../../ui/useSearchState";
import { accessColumns, trailColumns } from "./columns";
import { EventDrawer } from "./EventDrawer";
import { filtersOf, isFiltered, timeOf, type View, viewOf } from "./filter-state";
import { Filters } from "./Filters";
import { IntervalNote } from "./IntervalNote";

const words = texts.audit;
const VIEWS: readonly View[] = ["access", "trail"];
const PATH = "/audit-events";

export const AuditPage = () => {
  const [params, set] = useSearchState();
  const [opened] = useState(() => new Date());
  const [shown, setShown] = useState<AuditEvent | null>(null);
  const view = viewOf(params);
  const time = timeOf(params, opened);
  const filters = filtersOf(params, time);
  const backwards = time?.backwards ?? false;
  const targets = useQuery(queries.targets());
  const columns = view === "trail" ? trailColumns(setShown) : accessColumns(setShown, new Map((targets.data ?? []).map(({ id, name }) => [id, name])));
  const list = useQuery({ ...queries.auditEvents({ ...filters, after: params.get("after") }), enabled: !backwards });
  // What is meant for one view is no filter of the other.
  const change = (next: string | null): void => set({ view: next === "access" ? next : null, action: null, after: null });
  return (
    <Page title={words.title} product={texts.product} lead={words.lead} actions={<ExportMenu label={words.export} title={words.views[view]} path={PATH} query={filters} disabled={backwards || list.data?.items.length === 0} />}>
      <Tabs value={view} onChange={change} keepMounted={false}>
        <Tabs.List aria-label={words.view}>
          {VIEWS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {words.views[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={view} pt={16}>
          {view === "access" && <IntervalNote />}
          <PeriodFields period={time} open />
          <Filters />
          {list.error && !list.data ? (
            <ProblemNote error={list.error} onRetry={() => void list.refetch()} />
          ) : (
            !backwards && <DataTable caption={view === "access" ? words.access.caption : words.caption} columns={columns} rows={list.data?.items} stale={list.isPlaceholderData} rowId={(event) => event.id} onOpen={setShown} empty={<Nothing view={view} filtered={isFiltered(params)} />} />
          )}
          {!backwards && <Pager next={list.data?.next ?? null} firstLabel={texts.common.firstPage} nextLabel={texts.common.nextPage} />}
          <p className="small soft">{texts.common.inZone(zoneName())}</p>
        </Tabs.Panel>
      </Tabs>
      {shown !== null && <EventDrawer event={shown} onClose={() => setShown(null)} />}
    </Page>
  );
};

const Nothing = ({ view, filtered }: { view: View; filtered: boolean }) =>
  view === "access" && !filtered ? <EmptyState title={words.access.empty} hint={words.access.emptyHint} /> : <EmptyState title={words.empty} hint={words.emptyHint} />;
