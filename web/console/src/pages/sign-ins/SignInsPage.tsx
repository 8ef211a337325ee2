import { useQuery } from "@tanstack/react-query";
import { IconCalendarTime } from "@tabler/icons-react";
import { Button } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";

import * as queries from "../../api/queries";
import type { LoginEvent } from "../../api/types";
import { ExportMenu } from "../../components/ExportMenu";
import { periodOf } from "../../components/period";
import { PeriodFields } from "../../components/PeriodFields";
import { ProblemNote } from "../../components/ProblemNote";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page, Section } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { zoneName } from "../../ui/time";
import { useSearchState } from "../../ui/useSearchState";
import { columns, type Names } from "./columns";
import { filtersOf, isFiltered, NO_FILTERS } from "./filter-state";
import { Filters } from "./Filters";
import { SignInDrawer } from "./SignInDrawer";
import { Totals } from "./Totals";

const words = texts.signIns;
const PATH = "/sign-ins";

export const SignInsPage = () => {
  const [params] = useSearchState();
  const [opened] = useState(() => new Date());
  const [shown, setShown] = useState<LoginEvent | null>(null);
  const period = periodOf(params, opened);
  const filters = filtersOf(params, period);
  const list = useQuery({ ...queries.signIns({ ...filters, after: params.get("after") }), enabled: !period.backwards });
  const targets = useQuery(queries.targets());
  const names: Names = new Map((targets.data ?? []).map(({ id, name }) => [id, name]));
  return (
    <Page
      title={words.title}
      product={texts.product}
      lead={words.lead}
      actions={
        <>
          <Button variant="default" component={Link} to={paths.scheduledExports} leftSection={<IconCalendarTime size={16} />}>
            {words.scheduled}
          </Button>
          <ExportMenu label={words.export} title={words.exported} path={PATH} query={filters} disabled={period.backwards || list.data?.items.length === 0} />
        </>
      }
    >
      <PeriodFields period={period} />
      <Filters />
      {!period.backwards && <Totals period={period} filters={filters} />}
      {period.backwards ? null : list.error && !list.data ? (
        <ProblemNote error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <Section title={words.grid}>
          <DataTable caption={words.caption} columns={columns(setShown, names)} rows={list.data?.items} stale={list.isPlaceholderData} rowId={(item) => item.sign_in_id} onOpen={setShown} empty={<Nothing />} />
        </Section>
      )}
      {!period.backwards && <Pager next={list.data?.next ?? null} firstLabel={texts.common.firstPage} nextLabel={texts.common.nextPage} />}
      <p className="small soft">{texts.common.inZone(zoneName())}</p>
      {shown !== null && <SignInDrawer item={list.data?.items.find(({ sign_in_id }) => sign_in_id === shown.sign_in_id) ?? shown} names={names} onClose={() => setShown(null)} />}
    </Page>
  );
};

/** Why there may be nothing, and what to do then. */
const Nothing = () => {
  const [params, set] = useSearchState();
  const filtered = isFiltered(params);
  return (
    <EmptyState title={filtered ? words.emptyFiltered : words.empty} hint={filtered ? words.emptyFilteredHint : words.emptyHint}>
      {filtered ? (
        <Button variant="default" onClick={() => set(NO_FILTERS)}>
          {texts.common.clear}
        </Button>
      ) : (
        <Button variant="default" onClick={() => set({ days: "365", start: null, end: null, after: null })}>
          {words.lastYear}
        </Button>
      )}
    </EmptyState>
  );
};
