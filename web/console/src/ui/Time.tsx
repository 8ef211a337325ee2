import { fullText, whenText } from "./time";
import { useNow } from "./useNow";

interface Props {
  at: string;
  seconds?: boolean;
}

/** An instant: short to read, with year, seconds and zone in its title. */
export const Time = ({ at, seconds = false }: Props) => {
  const now = useNow(60_000);
  const date = new Date(at);
  return (
    <time dateTime={at} title={fullText(date)} className="nowrap">
      {whenText(date, now, seconds)}
    </time>
  );
};
