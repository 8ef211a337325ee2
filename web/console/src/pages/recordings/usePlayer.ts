/** The player, connected: to the frame by messages, to the API for events, to the address for deep links, to the keys. */
import { useQueryClient } from "@tanstack/react-query";
import { type RefObject, useEffect, useMemo, useState, useSyncExternalStore } from "react";

import * as queries from "../../api/queries";
import type { RecordingDetail, Step } from "../../api/types";
import { useSearchState } from "../../ui/useSearchState";
import { type Focus, focusOf } from "./focus";
import { parseTell } from "./messages";
import { Player, type PlayerState } from "./player";

/** A frame that says nothing for so long does not answer. */
const FRAME_LIMIT_MS = 10_000;
/** The address follows this often. */
const ADDRESS_MS = 400;

interface Connected {
  player: Player;
  state: PlayerState;
  focus: Focus[];
}

export const usePlayer = (recording: RecordingDetail, steps: readonly Step[], frame: RefObject<HTMLIFrameElement | null>, origin: string | null): Connected => {
  const client = useQueryClient();
  const [params, setParams] = useSearchState();
  const [asked] = useState(() => ({ t: params.get("t"), step: params.get("step") }));
  const start = new Date(recording.started_at).getTime();
  const focus = useMemo(() => focusOf(start, recording.documents, steps), [start, recording.documents, steps]);

  const player = useMemo(() => {
    const made = new Player({
      start,
      post: (ask) => {
        if (origin !== null) frame.current?.contentWindow?.postMessage(ask, origin);
      },
      events: async (documentId, fresh) => await client.fetchQuery({ ...queries.documentEvents(recording.id, documentId), ...(fresh ? { staleTime: 0 } : {}) }),
    });
    return made;
  }, [client, frame, origin, recording.id, start]);
  const state = useSyncExternalStore(player.subscribe, player.snapshot);

  useEffect(() => {
    player.setTimeline(focus, steps, recording.state === "recording");
  }, [player, focus, steps, recording.state]);

  useEffect(() => {
    const index = asked.step === null ? -1 : steps.findIndex((step) => String(step.seq) === asked.step);
    if (index >= 0) player.seekStep(index);
    else if (asked.t !== null && Number.isFinite(Number(asked.t))) player.seek(Number(asked.t));
    else player.open();
    // Where the address pointed when the page was opened; from then on the address follows.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [player]);

  useEffect(() => {
    const hear = (event: MessageEvent): void => {
      if (event.origin !== origin || event.source !== frame.current?.contentWindow) return;
      const tell = parseTell(event.data);
      if (tell) player.hear(tell);
    };
    window.addEventListener("message", hear);
    const limit = setTimeout(() => player.giveUp(), FRAME_LIMIT_MS);
    return () => {
      window.removeEventListener("message", hear);
      clearTimeout(limit);
    };
  }, [player, frame, origin]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const at = event.target instanceof Element ? event.target : null;
      if (event.ctrlKey || event.metaKey || event.altKey || at?.closest("input, textarea, select, [role=slider], [role=menu], [role=dialog]")) return;
      const onButton = at?.closest("button, a") !== null && at?.closest("[data-step]") === null;
      if (event.key === " " && !onButton) player.toggle();
      else if (event.key === "ArrowRight" || event.key === "ArrowDown") player.neighbour(1);
      else if (event.key === "ArrowLeft" || event.key === "ArrowUp") player.neighbour(-1);
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [player]);

  const seq = steps[state.step]?.seq;
  const moment = state.playing ? null : Math.round(state.offset_ms);
  useEffect(() => {
    const timer = setTimeout(() => setParams({ t: String(Math.round(player.snapshot().offset_ms)), step: seq === undefined ? null : String(seq) }), ADDRESS_MS);
    return () => clearTimeout(timer);
  }, [player, seq, moment, setParams]);

  return { player, state, focus };
};
