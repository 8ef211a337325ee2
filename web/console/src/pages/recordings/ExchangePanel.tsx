import { Facts, Fact } from "../../ui/Facts";
import type { Exchange, Step } from "../../api/types";
import { texts } from "../../texts";
import { bytesText } from "../../ui/bytes";
import classes from "./ExchangePanel.module.css";
import { SentenceText } from "./SentenceText";
import { pathOf } from "./StepList";

interface Props {
  step: Step | undefined;
  exchanges: readonly Exchange[];
}

/** The chosen step in full, and what it caused. */
export const ExchangePanel = ({ step, exchanges }: Props) => (
  <section className={classes["panel"]} aria-label={texts.player.exchanges}>
    {step === undefined ? <p className="soft">{texts.player.chooseStep}</p> : <StepFacts step={step} />}
    {step !== undefined && (
      <>
        <h2 className={classes["title"]}>{texts.player.exchanges}</h2>
        {exchanges.length === 0 && <p className="soft">{texts.player.noExchanges}</p>}
        <ul className={classes["list"]}>
          {exchanges.map((exchange) => (
            <ExchangeItem key={exchange.id} exchange={exchange} />
          ))}
        </ul>
      </>
    )}
  </section>
);

const StepFacts = ({ step }: { step: Step }) => (
  <>
    <p className={classes["sentence"]}>
      <SentenceText text={step.text} />
    </p>
    <Facts>
      {step.value && (step.value.masked || step.value.old !== null) && (
        <Fact name={texts.player.from}>{step.value.masked ? texts.player.masked : <span className={classes["value"]}>{step.value.old}</span>}</Fact>
      )}
      {step.value && <Fact name={texts.player.to}>{step.value.masked ? texts.player.masked : <span className={classes["value"]}>{step.value.new}</span>}</Fact>}
      {step.form_context && <Fact name={texts.player.context}>{step.form_context}</Fact>}
      {step.record_context && <Fact name={texts.player.record}>{step.record_context}</Fact>}
      {step.page && (
        <Fact name={texts.player.page}>
          <span className="mono">{pathOf(step.page.url)}</span>
        </Fact>
      )}
    </Facts>
  </>
);

const ExchangeItem = ({ exchange }: { exchange: Exchange }) => (
  <li className={classes["exchange"]} data-kind={exchange.kind} data-flag={flagOf(exchange) === null ? undefined : true}>
    <div className={classes["head"]}>
      <span className={classes["method"]}>{exchange.method}</span>
      <span className={classes["status"]}>{exchange.status ?? texts.common.nothing}</span>
      <span className="soft small">
        {bytesText(exchange.response_bytes)}
        {exchange.duration_ms !== null && ` · ${exchange.duration_ms} ms`}
      </span>
    </div>
    <div className={`mono ${classes["url"] ?? ""}`}>{pathOf(exchange.url)}</div>
    {flagOf(exchange) !== null && <div className={classes["flag"]}>{flagOf(exchange)}</div>}
    {exchange.request_body !== null && exchange.request_body !== "" && (
      <>
        <div className="small soft">
          {texts.player.body} · {bytesText(exchange.request_bytes)}
        </div>
        <pre className={classes["body"]} tabIndex={0} aria-label={texts.player.body}>
          {pretty(exchange.request_body)}
        </pre>
      </>
    )}
  </li>
);

const flagOf = (exchange: Exchange): string | null => {
  if (exchange.outcome === "refused") return texts.player.refused;
  return exchange.kind === "change" && !exchange.explained ? texts.player.unexplained : null;
};

/** JSON in lines; anything else as it was sent. */
const pretty = (body: string): string => {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
};
