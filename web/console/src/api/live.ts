/**
 * The change stream: the server says *look again at this noun*, and the queries of that noun do. It carries no data,
 * so nothing is shown that a call would not answer.
 */
import type { QueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { address } from "./client";
import type { Change } from "./types";

export type Liveness = "connecting" | "live" | "lost";

/** A stream that the server has closed is asked for again after this long, doubled up to the maximum. */
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** Changes that come together look again together. */
const GATHER_MS = 60;
/** While they keep coming (an import tells thousands), pages look again no more often than this. */
const LOOK_EVERY_MS = 600;

/** Nouns that show inside others: a session names its account, its recordings and its people. */
const SHOWN_IN: Record<Change["kind"], readonly string[]> = {
  privileged_session: ["privileged_session", "me", "audit-event"],
  recording: ["recording"],
  sign_in: ["sign_in", "recording", "audit-event"],
  account: ["account", "directory", "privileged_session", "me"],
  // An import tells its directory, not each account.
  directory: ["directory", "account"],
  user: ["user", "me"],
  target: ["target", "privileged_session", "audit-event"],
  scheduled_export: ["scheduled_export", "audit-event"],
  organization: ["organization", "me", "privileged_session", "audit-event"],
};

export const useLive = (client: QueryClient, on: boolean): Liveness => {
  const [liveness, setLiveness] = useState<Liveness>("connecting");
  useEffect(() => {
    if (!on) return undefined;
    let source: EventSource | undefined;
    let retry: ReturnType<typeof setTimeout> | undefined;
    let gather: ReturnType<typeof setTimeout> | undefined;
    let pause = RETRY_MS;
    let wasLost = false;
    let lookedAt = 0;
    const nouns = new Set<string>();

    const lookAgain = (): void => {
      gather = undefined;
      lookedAt = Date.now();
      for (const noun of nouns) void client.invalidateQueries({ queryKey: [noun] });
      nouns.clear();
    };
    const connect = (): void => {
      source = new EventSource(address("/changes"));
      source.onopen = () => {
        pause = RETRY_MS;
        setLiveness("live");
        // What happened while nobody listened is not told again.
        if (wasLost) void client.invalidateQueries();
        wasLost = false;
      };
      source.onmessage = (event: MessageEvent<string>) => {
        const change = parse(event.data);
        if (change === null) return;
        for (const noun of SHOWN_IN[change.kind] ?? []) nouns.add(noun);
        gather ??= setTimeout(lookAgain, Math.max(GATHER_MS, lookedAt + LOOK_EVERY_MS - Date.now()));
      };
      source.onerror = () => {
        wasLost = true;
        setLiveness("lost");
        // A dropped connection is taken up again by the browser; a refused one is not.
        if (source?.readyState !== EventSource.CLOSED) return;
        retry = setTimeout(connect, pause);
        pause = Math.min(pause * 2, RETRY_MAX_MS);
      };
    };
    connect();
    return () => {
      source?.close();
      clearTimeout(retry);
      clearTimeout(gather);
    };
  }, [client, on]);
  return liveness;
};

const parse = (data: string): Change | null => {
  try {
    return JSON.parse(data) as Change;
  } catch {
    return null;
  }
};
