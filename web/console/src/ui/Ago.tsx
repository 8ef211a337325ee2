import { agoText, fullText } from "./time";
import { useNow } from "./useNow";

/** How long ago, with the exact instant in its title. */
export const Ago = ({ at }: { at: string }) => {
  const now = useNow(15_000);
  const date = new Date(at);
  return (
    <time dateTime={at} title={fullText(date)} className="nowrap">
      {agoText(date, now)}
    </time>
  );
};
