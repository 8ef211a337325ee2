import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconAlertTriangle, IconCircleCheck, IconCircleMinus, IconHourglass } from "@tabler/icons-react";

import * as calls from "../../api/calls";
import * as queries from "../../api/queries";
import type { EventStream, StreamState, StreamTested } from "../../api/types";
import * as can from "../../can";
import { Loaded } from "../../components/Loaded";
import { ProblemNote } from "../../components/ProblemNote";
import { useMe } from "../../components/useMe";
import { texts } from "../../texts";
import { EmptyState } from "../../ui/EmptyState";
import { Fact, Facts } from "../../ui/Facts";
import { Page, Section } from "../../ui/Page";
import { RefusableButton } from "../../ui/RefusableButton";
import { lengthText, SECOND, zoneName } from "../../ui/time";
import { Time } from "../../ui/Time";

const words = texts.eventStreams;

const LOOKS: Record<StreamState, { icon: typeof IconCircleCheck; colour: string }> = {
  sending: { icon: IconCircleCheck, colour: "var(--tone-good)" },
  waiting: { icon: IconHourglass, colour: "var(--tone-warn)" },
  stalled: { icon: IconAlertTriangle, colour: "var(--tone-live)" },
  not_configured: { icon: IconCircleMinus, colour: "var(--ink-soft)" },
};

export const EventStreamsPage = () => {
  const streams = useQuery(queries.eventStreams());
  return (
    <Page narrow title={words.title} product={texts.product} lead={words.lead}>
      <Loaded query={streams}>{(found) => (found.length === 0 ? <EmptyState title={words.empty} hint={words.emptyHint} /> : found.map((stream) => <Stream key={stream.name} stream={stream} />))}</Loaded>
      <p className="small soft">{texts.common.inZone(zoneName())}</p>
    </Page>
  );
};

const StateWord = ({ state }: { state: StreamState }) => {
  const { icon: Icon, colour } = LOOKS[state];
  return (
    <span className="row-tight nowrap" style={{ color: colour, fontWeight: 550, gap: 4 }} title={words.meaning[state]}>
      <Icon size={15} aria-hidden />
      {words.state[state]}
    </span>
  );
};

const Stream = ({ stream }: { stream: EventStream }) => {
  const { state } = stream;
  return (
    <Section title={stream.name} aside={<StateWord state={state} />}>
      {stream.problem !== null && (
        <div className="note" data-tone={state === "stalled" ? "live" : "warn"} style={{ marginTop: 10 }}>
          <IconAlertTriangle size={18} aria-hidden />
          <div className="stack">
            <p className="strong">{stream.problem}</p>
            <p>
              {state === "stalled" && `${words.meaning.stalled} `}
              {words.goesOn}
            </p>
          </div>
        </div>
      )}
      {state === "not_configured" && <p className="soft">{words.meaning.not_configured}</p>}
      <Facts>
        {stream.kind !== null && (
          <Fact name={words.address}>
            {words.kind[stream.kind]} {stream.address !== null && <span className="mono soft">{stream.address}</span>}
          </Fact>
        )}
        {stream.format !== null && <Fact name={words.format_}>{words.format[stream.format]}</Fact>}
        {stream.classes.length > 0 && <Fact name={words.classes}>{stream.classes.join(", ").replaceAll("_", " ")}</Fact>}
        <Fact name={words.last}>{stream.last_number.toLocaleString("en-GB")}</Fact>
        <Fact name={words.lastSent}>{stream.last_sent_at === null ? <span className="soft">{words.never}</span> : <Time at={stream.last_sent_at} seconds />}</Fact>
        <Fact name={words.behind}>{words.behindBy(stream.behind_events, lengthText(stream.behind_seconds * SECOND))}</Fact>
        {stream.problem_since !== null && (
          <Fact name={words.since}>
            <Time at={stream.problem_since} seconds />
          </Fact>
        )}
        {stream.problem !== null && stream.next_try_at !== null && (
          <Fact name={words.nextTry}>
            <Time at={stream.next_try_at} seconds />
          </Fact>
        )}
      </Facts>
      {stream.kind !== null && <Test name={stream.name} />}
    </Section>
  );
};

/** One marked event, and what came back. */
const Test = ({ name }: { name: string }) => {
  const manage = can.testEventStreams(useMe());
  const client = useQueryClient();
  const test = useMutation({ mutationFn: () => calls.testEventStream(name), onSettled: () => void client.invalidateQueries({ queryKey: ["event-stream"] }) });
  return (
    <div className="form" style={{ gap: 10, marginTop: 10 }}>
      <div className="form-actions">
        <RefusableButton variant="default" refusal={manage.allowed ? null : manage.reason} loading={test.isPending} onClick={() => test.mutate()}>
          {words.test}
        </RefusableButton>
      </div>
      {test.data && <Tested tested={test.data} />}
      {test.error && <ProblemNote error={test.error} />}
    </div>
  );
};

const Tested = ({ tested }: { tested: StreamTested }) => (
  <div className="note" data-tone={tested.taken ? "good" : "warn"} role="status">
    {tested.taken ? <IconCircleCheck size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}
    <div className="stack">
      <p className="strong">{tested.taken ? words.taken : words.notTaken}</p>
      <p>{tested.said}</p>
    </div>
  </div>
);
