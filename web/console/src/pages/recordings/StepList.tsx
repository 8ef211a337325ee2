import { useEffect, useMemo, useRef } from "react";

import type { Exchange, Step } from "../../api/types";
import { texts } from "../../texts";
import { SearchField } from "../../ui/SearchField";
import { offsetText } from "../../ui/time";
import { SentenceText } from "./SentenceText";
import { StepIcon } from "./StepIcon";
import classes from "./StepList.module.css";

interface Props {
  steps: readonly Step[];
  unexplained: readonly Exchange[];
  current: number;
  query: string;
  onQuery: (query: string) => void;
  onChoose: (index: number) => void;
  onSeek: (offset: number) => void;
}

export const StepList = ({ steps, unexplained, current, query, onQuery, onChoose, onSeek }: Props) => {
  const list = useRef<HTMLOListElement>(null);
  const words = query.trim().toLowerCase();
  const shown = useMemo(
    () => steps.map((step, index) => ({ step, index })).filter(({ step }) => words === "" || searchText(step).includes(words)),
    [steps, words],
  );
  useEffect(() => {
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [current]);

  return (
    <section className={classes["panel"]} aria-label={texts.player.steps}>
      <div className={classes["search"]}>
        <SearchField label={texts.player.search} value={query} onChange={onQuery} width="100%" />
      </div>
      {shown.length === 0 && <p className={classes["none"]}>{texts.player.noSteps}</p>}
      <ol className={classes["list"]} ref={list}>
        {shown.map(({ step, index }) => (
          <StepRow key={`${step.document_id}:${step.seq}`} step={step} current={index === current} onChoose={() => onChoose(index)} />
        ))}
      </ol>
      {unexplained.length > 0 && (
        <div className={classes["unexplained"]}>
          <h2>{texts.player.unexplainedOnes}</h2>
          <ul>
            {unexplained.map((exchange) => (
              <li key={exchange.id}>
                <button type="button" onClick={() => onSeek(exchange.offset_ms)}>
                  <span className="soft">{offsetText(exchange.offset_ms)}</span> {exchange.method} <span className="mono">{pathOf(exchange.url)}</span>
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
};

const StepRow = ({ step, current, onChoose }: { step: Step; current: boolean; onChoose: () => void }) => {
  const context = [step.form_context, step.record_context].filter((part): part is string => part !== null && part !== "").join(" · ");
  return (
    <li className={classes["item"]}>
      <button type="button" className={classes["step"]} data-step aria-current={current ? "step" : undefined} onClick={onChoose}>
        <StepIcon kind={step.kind} />
        <span className={classes["words"]}>
          <SentenceText text={step.text} />
          {context !== "" && <span className={classes["context"]}>{context}</span>}
          {!step.trusted && (
            <span className={classes["flag"]} title={texts.player.scriptHint}>
              {texts.player.script}
            </span>
          )}
        </span>
        <span className={classes["at"]}>{offsetText(step.offset_ms)}</span>
      </button>
    </li>
  );
};

const searchText = (step: Step): string => [step.text, step.label, step.form_context, step.record_context, step.page?.title, step.value?.new].filter(Boolean).join(" ").toLowerCase();

export const pathOf = (url: string): string => {
  const query = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  return query === "" ? "/" : query;
};
