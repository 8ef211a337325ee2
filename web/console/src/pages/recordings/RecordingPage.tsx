import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useParams } from "react-router";

import * as queries from "../../api/queries";
import type { Exchange, RecordingDetail, Step } from "../../api/types";
import { Loaded } from "../../components/Loaded";
import { nameOf } from "../../components/names";
import { RecordingStateWord } from "../../components/RecordingStateWord";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { Time } from "../../ui/Time";
import { DownloadMenu } from "../privileged-sessions/RecordingsTab";
import { Controls } from "./Controls";
import { ExchangePanel } from "./ExchangePanel";
import classes from "./RecordingPage.module.css";
import { Missing } from "./Missing";
import { Scrubber } from "./Scrubber";
import { Stage } from "./Stage";
import { StepList } from "./StepList";
import { usePlayer } from "./usePlayer";

const NO_STEPS: Step[] = [];
const NO_EXCHANGES: Exchange[] = [];

export const RecordingPage = () => {
  const { id = "" } = useParams();
  const recording = useQuery(queries.recording(id));
  const isThere = recording.data !== undefined && recording.data.state !== "deleted";
  const steps = useQuery({ ...queries.recordingSteps(id), enabled: isThere });
  const exchanges = useQuery({ ...queries.recordingExchanges(id), enabled: isThere });
  if (recording.data?.state === "deleted") return <Deleted recording={recording.data} />;
  if (recording.data && steps.data) return <Recording key={id} recording={recording.data} steps={steps.data} exchanges={exchanges.data ?? NO_EXCHANGES} />;
  return (
    <Page title={texts.player.title} product={texts.product}>
      <Loaded query={recording}>{() => <Loaded query={steps}>{() => null}</Loaded>}</Loaded>
    </Page>
  );
};

/** What is left of one whose period is over. */
const Deleted = ({ recording }: { recording: RecordingDetail }) => (
  <Page title={`${texts.player.title}: ${recording.account?.name ?? recording.user.user_name}`} product={texts.product} lead={<>{nameOf(recording.user)} · <Time at={recording.started_at} /></>}>
    <EmptyState title={texts.session.recordingDeleted} hint={texts.session.recordingDeletedHint}>
      {recording.privileged_session_id !== null && <Link to={paths.privilegedSession(recording.privileged_session_id, "recordings")}>{texts.session.recordings}</Link>}
    </EmptyState>
  </Page>
);

interface Props {
  recording: RecordingDetail;
  steps: Step[];
  exchanges: Exchange[];
}

const Recording = ({ recording, steps, exchanges }: Props) => {
  const me = useMe();
  const frame = useRef<HTMLIFrameElement>(null);
  const [query, setQuery] = useState("");
  const origin = me.replay_origin ?? null;
  const ordered = useMemo(() => (steps.length === 0 ? NO_STEPS : [...steps].sort((a, b) => a.offset_ms - b.offset_ms)), [steps]);
  const { player, state, focus } = usePlayer(recording, ordered, frame, origin);
  const step = ordered[state.step];
  const caused = useMemo(() => causedBy(step, exchanges), [step, exchanges]);
  const unexplained = useMemo(() => exchanges.filter((one) => one.kind === "change" && !one.explained), [exchanges]);
  const duration = Math.max(recording.duration_ms, ordered.at(-1)?.offset_ms ?? 0, 1);
  const document = recording.documents.find((one) => one.id === state.document_id);
  const title = `${texts.player.title}: ${recording.account?.name ?? recording.user.user_name}`;
  useEffect(() => {
    window.document.title = `${title} · ${texts.product}`;
  }, [title]);

  return (
    <div className={classes["page"]}>
      <header className={classes["header"]}>
        <div className="stack">
          <div className="small soft">
            {recording.privileged_session_id === null ? texts.session.recordings : <Link to={paths.privilegedSession(recording.privileged_session_id, "recordings")}>{recording.account?.name ?? texts.session.recordings}</Link>}
          </div>
          <h1 className={classes["title"]}>{title}</h1>
        </div>
        <div className={classes["facts"]}>
          <RecordingStateWord state={recording.state} />
          <span>{nameOf(recording.user)}</span>
          <Time at={recording.started_at} />
          <span className="soft">
            {texts.session.steps} {ordered.length} · {texts.session.exchanges} {exchanges.length}
          </span>
          <Missing missing={recording.missing} />
          <DownloadMenu id={recording.id} />
        </div>
      </header>
      <div className={classes["body"]}>
        <StepList steps={ordered} unexplained={unexplained} current={state.step} query={query} onQuery={setQuery} onChoose={(index) => player.seekStep(index)} onSeek={(offset) => player.seek(offset)} />
        <Stage frame={frame} replayOrigin={origin} picture={state.picture} page={document ? `${document.title} — ${document.url}` : ""} />
        <ExchangePanel step={step} exchanges={caused} />
      </div>
      <footer className={classes["footer"]}>
        <Scrubber duration={duration} offset={state.offset_ms} steps={ordered} exchanges={exchanges} focus={focus} onSeek={(offset) => player.seek(offset)} />
        <Controls player={player} state={state} duration={duration} />
      </footer>
    </div>
  );
};

/** The exchanges of a step: those that it names, and those that name it. */
const causedBy = (step: Step | undefined, exchanges: readonly Exchange[]): Exchange[] => {
  if (step === undefined) return [];
  const named = new Set(step.exchange_ids);
  return exchanges.filter((exchange) => named.has(exchange.id) || (exchange.step_seq === step.seq && exchange.document_id === step.document_id));
};
