import { Button } from "@mantine/core";
import { useSearchState } from "./useSearchState";

interface Props {
  next: string | null;
  firstLabel: string;
  nextLabel: string;
}

/** Pages of a list by the cursor in the address: the browser's own *back* is the way back. */
export const Pager = ({ next, firstLabel, nextLabel }: Props) => {
  const [params, set] = useSearchState();
  const later = params.has("after");
  if (!later && next === null) return null;
  return (
    <div className="form-actions" style={{ marginTop: 12, justifyContent: "flex-end" }}>
      <Button variant="default" disabled={!later} onClick={() => set({ after: null }, false)}>
        {firstLabel}
      </Button>
      <Button variant="default" disabled={next === null} onClick={() => set({ after: next }, false)}>
        {nextLabel}
      </Button>
    </div>
  );
};
