import { SegmentedControl, Switch, Tooltip } from "@mantine/core";
import { IconPlayerPauseFilled, IconPlayerPlayFilled, IconPlayerSkipBackFilled, IconPlayerSkipForwardFilled } from "@tabler/icons-react";

import { texts } from "../../texts";
import { offsetText } from "../../ui/time";
import type { Player, PlayerState } from "./player";
import classes from "./RecordingPage.module.css";
import { Legend } from "./Scrubber";

const SPEEDS = ["1", "2", "4", "8"];

interface Props {
  player: Player;
  state: PlayerState;
  duration: number;
}

export const Controls = ({ player, state, duration }: Props) => (
  <div className={classes["controls"]}>
    <div className="row" style={{ gap: 4 }}>
      <IconButton label={texts.player.previous} onClick={() => player.neighbour(-1)}>
        <IconPlayerSkipBackFilled size={16} />
      </IconButton>
      <button type="button" className={classes["play"]} aria-label={state.playing ? texts.player.pause : texts.player.play} onClick={() => player.toggle()}>
        {state.playing ? <IconPlayerPauseFilled size={18} /> : <IconPlayerPlayFilled size={18} />}
      </button>
      <IconButton label={texts.player.next} onClick={() => player.neighbour(1)}>
        <IconPlayerSkipForwardFilled size={16} />
      </IconButton>
      <span className={classes["clock"]}>
        {offsetText(state.offset_ms)} <span className="soft">/ {offsetText(duration)}</span>
      </span>
    </div>
    <Legend />
    <div className="row" style={{ gap: 14 }}>
      <Switch size="xs" label={texts.player.skipIdle} checked={state.skip_idle} onChange={(event) => player.setSkipIdle(event.currentTarget.checked)} />
      <SegmentedControl size="xs" aria-label={texts.player.speed} value={String(state.speed)} onChange={(speed) => player.setSpeed(Number(speed))} data={SPEEDS.map((speed) => ({ value: speed, label: `${speed}×` }))} />
    </div>
  </div>
);

const IconButton = ({ label, onClick, children }: { label: string; onClick: () => void; children: React.ReactNode }) => (
  <Tooltip label={label} withArrow>
    <button type="button" className="icon-button" style={{ width: 32, height: 32 }} aria-label={label} onClick={onClick}>
      {children}
    </button>
  </Tooltip>
);
