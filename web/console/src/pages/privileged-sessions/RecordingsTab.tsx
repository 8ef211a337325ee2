import { Button, Menu } from "@mantine/core";
import { IconChevronDown, IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import * as queries from "../../api/queries";
import type { PrivilegedSession, Recording } from "../../api/types";
import * as can from "../../can";
import { CoverageFigure } from "../../components/CoverageFigure";
import { ProblemNote } from "../../components/ProblemNote";
import { RecordingStateWord } from "../../components/RecordingStateWord";
import { useMe } from "../../components/useMe";
import { paths, recordingDownload } from "../../paths";
import { texts } from "../../texts";
import { bytesText } from "../../ui/bytes";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { RefusableButton } from "../../ui/RefusableButton";
import { Time } from "../../ui/Time";

/** `over`: the session has ended. */
const columnsOf = (over: boolean): Column<Recording>[] => [
  { id: "state", header: texts.sessions.state, cell: (recording) => <RecordingStateWord state={recording.state} over={over} /> },
  { id: "start", header: texts.session.start, cell: (recording) => <Time at={recording.started_at} seconds /> },
  { id: "steps", header: texts.session.steps, numeric: true, cell: (recording) => recording.steps.toLocaleString("en-GB") },
  { id: "exchanges", header: texts.session.exchanges, numeric: true, cell: (recording) => recording.exchanges.toLocaleString("en-GB") },
  { id: "size", header: texts.session.size, numeric: true, cell: (recording) => bytesText(recording.bytes) },
  { id: "coverage", header: texts.session.coverage, grow: true, cell: (recording) => <CoverageFigure coverage={recording.coverage} /> },
  { id: "actions", header: "", cell: (recording) => <RecordingActions recording={recording} /> },
];

const DURING = columnsOf(false);
const AFTERWARDS = columnsOf(true);

const RecordingActions = ({ recording }: { recording: Recording }) => {
  const play = can.playRecordings(useMe());
  if (recording.deleted_at !== null)
    return (
      <span className="soft small nowrap" title={texts.session.recordingDeletedHint}>
        {texts.session.deletedAt} <Time at={recording.deleted_at} />
      </span>
    );
  if (!play.allowed)
    return (
      <RefusableButton refusal={play.reason} onClick={() => undefined} leftSection={<IconPlayerPlay size={15} />}>
        {texts.session.play}
      </RefusableButton>
    );
  return (
    <div className="row" style={{ flexWrap: "nowrap" }}>
      <Button component={Link} to={paths.recording(recording.id)} leftSection={<IconPlayerPlay size={15} />}>
        {texts.session.play}
      </Button>
      <DownloadMenu id={recording.id} />
    </div>
  );
};

export const DownloadMenu = ({ id }: { id: string }) => (
  <Menu position="bottom-end" width={236}>
    <Menu.Target>
      <Button variant="default" rightSection={<IconChevronDown size={14} />}>
        {texts.session.download}
      </Button>
    </Menu.Target>
    <Menu.Dropdown>
      {Object.entries(texts.formats).map(([format, [name, use]]) => (
        <Menu.Item key={format} component="a" href={recordingDownload(id, format)} download>
          <span className="stack">
            <span>{name}</span>
            <span className="small soft">{use}</span>
          </span>
        </Menu.Item>
      ))}
    </Menu.Dropdown>
  </Menu>
);

export const RecordingsTab = ({ session }: { session: PrivilegedSession }) => {
  const recordings = useQuery(queries.sessionRecordings(session.id));
  if (recordings.error && !recordings.data) return <ProblemNote error={recordings.error} onRetry={() => void recordings.refetch()} />;
  return (
    <DataTable caption={texts.session.recordings} columns={session.ended_at === null ? DURING : AFTERWARDS} rows={recordings.data} rowId={(recording) => recording.id} empty={<EmptyState title={texts.session.recordingsEmpty} hint={texts.session.recordingsEmptyHint} />} />
  );
};
