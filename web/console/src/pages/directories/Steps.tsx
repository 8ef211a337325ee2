import { texts } from "../../texts";
import classes from "./Steps.module.css";

const STEPS = ["kind", "connection", "import", "link"] as const;
export type Step = (typeof STEPS)[number];

/** Where somebody stands who adds a directory. */
export const Steps = ({ at }: { at: Step }) => (
  <ol className={classes["steps"]} aria-label={texts.directories.steps.label}>
    {STEPS.map((step, index) => (
      <li key={step} aria-current={step === at ? "step" : undefined} data-done={index < STEPS.indexOf(at) || undefined}>
        <span className={classes["number"]} aria-hidden>
          {index + 1}
        </span>
        {texts.directories.steps[step]}
      </li>
    ))}
  </ol>
);
