import type { Coverage } from "../api/types";
import { texts } from "../texts";

/** How complete a recording is: one figure, and the parts that make it or that deserve a look. */
export const CoverageFigure = ({ coverage }: { coverage: Coverage | null }) => {
  if (coverage === null) return <span className="soft">{texts.common.nothing}</span>;
  const { changes_released: released, changes_with_evidence: withEvidence, changes_explained: explained } = coverage;
  const looks: [number, string][] = [
    [released - explained, texts.player.unexplained],
    [coverage.unexplained_values, texts.coverage.unexplained],
    [coverage.changes_refused, texts.coverage.refused],
    [coverage.gaps, texts.coverage.gaps],
    [coverage.areas_not_recorded, texts.coverage.areas],
  ];
  const wholly = withEvidence >= released;
  return (
    <div className="stack" title={texts.coverage.title}>
      {released === 0 ? (
        <span className="soft">{texts.coverage.none}</span>
      ) : (
        <span>
          <span className="strong" style={{ color: wholly ? "var(--tone-good)" : "var(--tone-live)" }}>
            {wholly ? "100" : ((withEvidence / released) * 100).toFixed(1)} %
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
            .map(([count, what]) => `${count} ${what}`)
            .join(" · ")}
        </span>
      )}
    </div>
  );
};
