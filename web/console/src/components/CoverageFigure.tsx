import type { Coverage } from "../api/types";
import { texts } from "../texts";

/** How complete a recording is: one figure, and the parts that make it or that deserve a look. */
export const CoverageFigure = ({ coverage }: { coverage: Coverage | null }) => {
  if (coverage === null) return <span className="soft">{texts.common.nothing}</span>;
  const { changes_released: released, changes_with_evidence: withEvidence, changes_explained: explained } = coverage;
  const { unexplainedChanges, unexplainedValues, refused, gaps, areas } = texts.coverage;
  const looks: [number, readonly string[]][] = [
    [released - explained, unexplainedChanges],
    [coverage.unexplained_values, unexplainedValues],
    [coverage.changes_refused, refused],
    [coverage.gaps, gaps],
    [coverage.areas_not_recorded, areas],
  ];
  const wholly = withEvidence >= released;
  return (
    <div className="stack" title={texts.coverage.title}>
      {released === 0 ? (
        <span className="soft">{texts.coverage.none}</span>
      ) : (
        <span>
          <span className="strong" style={{ color: wholly ? "var(--tone-good)" : "var(--tone-live)" }}>
            {wholly ? "100" : (Math.floor((withEvidence / released) * 1000) / 10).toFixed(1)} %
          </span>{" "}
          <span className="soft small">
            {withEvidence}/{released} {texts.coverage.evidence} · {explained}/{released} {texts.coverage.explained}
          </span>
        </span>
      )}
      {looks.some(([count]) => count > 0) && (
        <span className="small" style={{ color: "var(--tone-warn)" }}>
          {looks
            .filter(([count]) => count > 0)
            .map(([count, [one, many]]) => `${count} ${count === 1 ? one : many}`)
            .join(" · ")}
        </span>
      )}
    </div>
  );
};
