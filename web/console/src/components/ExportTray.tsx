/** Exports that run or have just ended, at the edge of every page. */
import { Button, Progress } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconX } from "@tabler/icons-react";

import { sentenceOf } from "../api/problem";
import { texts } from "../texts";
import { bytesText } from "../ui/bytes";
import { cancelExport, dismissExport, type RunningExport, useExports } from "./exports";
import classes from "./ExportTray.module.css";
import { shareOf } from "./rows";

const words = texts.export;

export const ExportTray = () => {
  const exports = useExports();
  return (
    <section className={classes["tray"]} aria-label={words.tray} hidden={exports.length === 0}>
      {exports.map((one) => (
        <One key={one.id} one={one} />
      ))}
    </section>
  );
};

const One = ({ one }: { one: RunningExport }) => (
  <div className={classes["one"]} data-state={one.state}>
    <div className={classes["head"]}>
      <span className="strong">{words.running(one.title, words.format[one.format].name)}</span>
      {one.state !== "running" && (
        <button type="button" className="icon-button" aria-label={texts.common.dismiss} onClick={() => dismissExport(one.id)}>
          <IconX size={15} />
        </button>
      )}
    </div>
    {one.state === "running" ? <Running one={one} /> : <Ended one={one} />}
  </div>
);

const Running = ({ one }: { one: RunningExport }) => {
  const { rows, total, bytes } = one.progress;
  const share = shareOf(rows, total);
  const sentence = bytes === 0 ? words.preparing : words.soFar(rows, total, bytesText(bytes));
  return (
    <>
      <Progress.Root size={6} radius={3}>
        <Progress.Section value={share === null ? 100 : share * 100} animated={share === null} striped={share === null} aria-label={words.progress} aria-valuetext={sentence} />
      </Progress.Root>
      <div className={classes["foot"]}>
        <span className="small soft">{sentence}</span>
        <Button size="compact-sm" variant="default" h={26} px={9} fz={12.5} onClick={() => cancelExport(one.id)}>
          {words.cancel}
        </Button>
      </div>
    </>
  );
};

const Ended = ({ one }: { one: RunningExport }) => {
  const { rows, bytes } = one.progress;
  return one.state === "done" ? (
    <p className={classes["sentence"]} role="status">
      <IconCircleCheck size={16} aria-hidden />
      <span>{words.done(one.name ?? "", rows, bytesText(bytes))}</span>
    </p>
  ) : (
    <p className={classes["sentence"]} role="alert">
      <IconAlertTriangle size={16} aria-hidden />
      <span>{sentenceOf(one.error)}</span>
    </p>
  );
};
