import { Button } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";

import * as calls from "../../api/calls";
import * as queries from "../../api/queries";
import type { Finding, ScheduledExport } from "../../api/types";
import * as can from "../../can";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { Loaded } from "../../components/Loaded";
import { tell, tellProblem } from "../../components/tell";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { Fact, Facts } from "../../ui/Facts";
import { Page, Section } from "../../ui/Page";
import { RefusableButton } from "../../ui/RefusableButton";
import { zoneName } from "../../ui/time";
import { Time } from "../../ui/Time";
import { intervalText } from "./interval";
import { Runs } from "./Runs";
import classes from "./ScheduledExports.module.css";
import { placeOf, problemOf, stateOf } from "./state";
import { StateWord } from "./StateWord";

const words = texts.scheduledExports;
const trail = <Link to={paths.scheduledExports}>{words.title}</Link>;

export const ScheduledExportPage = () => {
  const { id = "" } = useParams();
  const found = useQuery(queries.scheduledExport(id));
  if (found.data) return <One one={found.data} />;
  return (
    <Page title={words.one} product={texts.product} trail={trail}>
      <Loaded query={found}>{() => null}</Loaded>
    </Page>
  );
};

const One = ({ one }: { one: ScheduledExport }) => {
  const problem = problemOf(one);
  return (
    <Page title={one.name} product={texts.product} trail={trail} lead={<StateWord state={stateOf(one)} />} actions={<Actions one={one} />}>
      {problem !== null && (
        <div className="note" data-tone="warn">
          <IconAlertTriangle size={18} aria-hidden />
          <div className="stack">
            <p className="strong">{words.problem}</p>
            <p>{problem}</p>
          </div>
        </div>
      )}
      <div className="columns" style={{ marginTop: 16 }}>
        <div>
          <Findings one={one} />
        </div>
        <div>
          <Settings one={one} />
        </div>
      </div>
      <Runs id={one.id} />
      <p className="small soft">{texts.common.inZone(zoneName())}</p>
    </Page>
  );
};

/** What is written, how often, and where to. */
const Settings = ({ one }: { one: ScheduledExport }) => (
  <Section title={words.settings}>
    <Facts>
      <Fact name={words.content}>{words.contents[one.content]?.label}</Fact>
      <Fact name={words.every}>
        {words.intervals[one.every]?.label} <span className="soft">{words.intervals[one.every]?.hint}</span>
      </Fact>
      <Fact name={words.format}>{texts.export.format[one.format].name}</Fact>
      <Fact name={words.where}>
        <span className="mono">{placeOf(one.target)}</span>
      </Fact>
      {one.next_at !== null && (
        <Fact name={words.next}>
          <Time at={one.next_at} />
        </Fact>
      )}
    </Facts>
  </Section>
);

/** What the gap detector found, in words. */
const Findings = ({ one }: { one: ScheduledExport }) => (
  <Section title={words.findings} aside={one.checked_at === null ? undefined : <span className="small soft">{words.checkedAt("")}<Time at={one.checked_at} /></span>}>
    {one.check_problem !== null && (
      <div className="note" data-tone="warn" style={{ marginTop: 10 }}>
        <IconAlertTriangle size={18} aria-hidden />
        <p>{one.check_problem}</p>
      </div>
    )}
    {one.findings.length > 0 ? (
      <ul className={classes["findings"]}>
        {one.findings.map((finding) => (
          <FindingNote key={`${finding.kind} ${finding.interval_start}`} one={one} finding={finding} />
        ))}
      </ul>
    ) : (
      one.check_problem === null && <p className="soft">{one.checked_at === null ? words.neverChecked : words.noFindings}</p>
    )}
  </Section>
);

/** A missed interval is made up with *Run now*; all else is mended by writing the interval once more. */
const FindingNote = ({ one, finding }: { one: ScheduledExport; finding: Finding }) => {
  const manage = can.manageExports(useMe());
  const client = useQueryClient();
  const again = useMutation({
    mutationFn: () => calls.runScheduledExport(one.id, finding.interval_start),
    onSuccess: () => {
      tell(words.writtenAgain);
      void client.invalidateQueries({ queryKey: ["scheduled_export"] });
    },
    onError: tellProblem,
  });
  return (
    <li className="note" data-tone="live">
      <IconAlertTriangle size={18} aria-hidden />
      <div className="stack">
        <p className="strong">
          {words.finding[finding.kind] ?? finding.kind}: {intervalText(finding.interval_start, finding.interval_end)}
        </p>
        <p>{finding.detail}</p>
        {finding.kind !== "missed_interval" && manage.allowed && (
          <div>
            <Button variant="default" mt={6} loading={again.isPending} onClick={() => again.mutate()}>
              {words.writeAgain}
            </Button>
          </div>
        )}
      </div>
    </li>
  );
};

const Actions = ({ one }: { one: ScheduledExport }) => {
  const manage = can.manageExports(useMe());
  const client = useQueryClient();
  const navigate = useNavigate();
  const [removing, setRemoving] = useState(false);
  const refusal = manage.allowed ? null : manage.reason;
  const lookAgain = (): void => void client.invalidateQueries({ queryKey: ["scheduled_export"] });
  const act = (call: () => Promise<unknown>, done: string) => ({
    mutationFn: call,
    onSuccess: () => tell(done),
    onError: tellProblem,
    onSettled: lookAgain,
  });
  const run = useMutation(act(() => calls.runScheduledExport(one.id), words.ran));
  const check = useMutation(act(() => calls.checkScheduledExport(one.id), words.checked));
  const turn = useMutation(act(() => calls.changeScheduledExport(one.id, { active: !one.active, version: one.version }), one.active ? words.paused : words.resumed));
  return (
    <>
      <RefusableButton refusal={refusal} loading={run.isPending} onClick={() => run.mutate()}>
        {words.run}
      </RefusableButton>
      <RefusableButton variant="default" refusal={refusal} loading={check.isPending} onClick={() => check.mutate()}>
        {words.check}
      </RefusableButton>
      {manage.allowed && (
        <>
          <Button variant="default" loading={turn.isPending} title={one.active ? words.pauseWhy : undefined} onClick={() => turn.mutate()}>
            {one.active ? words.pause : words.resume}
          </Button>
          <Button variant="default" onClick={() => setRemoving(true)}>
            {words.remove}
          </Button>
        </>
      )}
      {removing && (
        <ConfirmDialog
          title={`${words.remove}: ${one.name}`}
          why={words.removeWhy}
          action={words.remove}
          perform={() => calls.removeScheduledExport(one.id)}
          onClose={() => setRemoving(false)}
          onDone={() => {
            lookAgain();
            void navigate(paths.scheduledExports);
          }}
        />
      )}
    </>
  );
};
