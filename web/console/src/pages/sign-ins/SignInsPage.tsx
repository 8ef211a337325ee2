import { Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import * as queries from "../../api/queries";
import type { SignIn } from "../../api/types";
import { agentName } from "../../components/agentName";
import { ProblemNote } from "../../components/ProblemNote";
import { EndWord, LengthOf } from "../../components/SignInEnd";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { SearchField } from "../../ui/SearchField";
import { Time } from "../../ui/Time";
import { addDays, startOfDay, toLocalInput, zoneName } from "../../ui/time";
import { useSearchState } from "../../ui/useSearchState";

const words = texts.signIns;
/** The start is preset to this many days before the end. */
const PRESET_DAYS = 7;

const columns: Column<SignIn>[] = [
  {
    id: "user",
    header: words.user,
    cell: (item) => (
      <span title={item.email ?? undefined}>
        <span className="strong">{item.display_name || item.user_name}</span> <span className="soft">{item.user_name}</span>
      </span>
    ),
  },
  { id: "start", header: words.start, cell: (item) => <Time at={item.started_at} seconds /> },
  {
    id: "end",
    header: words.end,
    cell: (item) =>
      item.ended_at === null ? (
        <span style={{ color: "var(--tone-good)" }}>{words.goesOn}</span>
      ) : (
        <span>
          <Time at={item.ended_at} seconds /> {item.end_is_estimated && <span className="soft small">{texts.common.estimated}</span>}
        </span>
      ),
  },
  { id: "how", header: words.how, cell: (item) => <EndWord kind={item.end_kind} /> },
  { id: "length", header: words.length, numeric: true, cell: (item) => <LengthOf item={item} /> },
  { id: "channel", header: words.channel, cell: (item) => texts.channel[item.channel] },
  { id: "targets", header: words.targets, cell: (item) => <Where item={item} /> },
  { id: "address", header: words.address, wideOnly: true, cell: (item) => <span className="mono" title={agentName(item.user_agent)}>{item.client_address ?? texts.common.nothing}</span> },
];

const Where = ({ item }: { item: SignIn }) => {
  const names = item.targets.join(", ");
  if (item.privileged_session_id === null) return <span className="soft">{names || words.console}</span>;
  return (
    <Link to={paths.privilegedSession(item.privileged_session_id)} title={words.via}>
      {names || words.session}
    </Link>
  );
};

export const SignInsPage = () => {
  const [params, set] = useSearchState();
  const today = startOfDay(new Date());
  const until = dayOf(params.get("until")) ?? today;
  const from = dayOf(params.get("from")) ?? addDays(until, -PRESET_DAYS);
  const list = useQuery(
    queries.signIns({ start: from.toISOString(), end: addDays(until, 1).toISOString(), user_name: params.get("user_name"), channel: params.get("channel"), after: params.get("after") }),
  );
  return (
    <Page title={words.title} product={texts.product}>
      <div className="row" style={{ marginBottom: 12 }}>
        <TextInput type="date" aria-label={words.from} title={words.from} value={toLocalInput(from).slice(0, 10)} onChange={(event) => set({ from: event.currentTarget.value, after: null })} />
        <span className="soft" aria-hidden>
          –
        </span>
        <TextInput type="date" aria-label={words.to} title={words.to} value={toLocalInput(until).slice(0, 10)} onChange={(event) => set({ until: event.currentTarget.value, after: null })} />
        <SearchField label={words.userName} value={params.get("user_name") ?? ""} onChange={(user_name) => set({ user_name, after: null })} width={180} />
        <Select aria-label={words.channel} placeholder={words.anyChannel} clearable w={160} value={params.get("channel")} onChange={(channel) => set({ channel, after: null })} data={Object.entries(texts.channel).map(([value, label]) => ({ value, label }))} />
      </div>
      {list.error && !list.data ? (
        <ProblemNote error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <DataTable caption={words.caption} columns={columns} rows={list.data?.items} stale={list.isPlaceholderData} rowId={(item) => item.sign_in_id} empty={<EmptyState title={words.empty} hint={words.emptyHint} />} />
      )}
      <Pager next={list.data?.next ?? null} firstLabel={texts.common.firstPage} nextLabel={texts.common.nextPage} />
      <p className="small soft">{texts.common.inZone(zoneName())}</p>
    </Page>
  );
};

const dayOf = (text: string | null): Date | null => {
  const day = new Date(`${text ?? ""}T00:00`);
  return Number.isNaN(day.getTime()) ? null : day;
};
