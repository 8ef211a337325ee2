import type { EndKind } from "../api/types";
import { texts } from "../texts";
import { lengthText, SECOND } from "../ui/time";
import { useNow } from "../ui/useNow";

export const EndWord = ({ kind }: { kind: EndKind | null }) => (kind === null ? <span className="soft">{texts.common.nothing}</span> : <>{texts.endKind[kind]}</>);

interface Item {
  started_at: string;
  ended_at: string | null;
  duration_s: number | null;
}

/** How long it took, or has taken so far. */
export const LengthOf = ({ item }: { item: Item }) => {
  const now = useNow(10_000);
  const ms = item.ended_at !== null && item.duration_s !== null ? item.duration_s * SECOND : (item.ended_at === null ? now.getTime() : new Date(item.ended_at).getTime()) - new Date(item.started_at).getTime();
  return <>{lengthText(ms)}</>;
};
