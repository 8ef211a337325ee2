import { NumberInput, Select } from "@mantine/core";

import { texts } from "../../texts";
import { FOR_EVER, PRESET_DAYS } from "./audit-settings";
import classes from "./AuditSettings.module.css";

const words = texts.auditSettings;

interface Props {
  words: { label: string; name: string };
  /** −1: for ever. */
  days: number;
  error: string | undefined;
  disabled: boolean;
  onChange: (days: number) => void;
}

/** How long a class of data is kept: for ever, or a number of days. */
export const RetentionField = ({ words: { label, name }, days, error, disabled, onChange }: Props) => {
  const forEver = days === FOR_EVER;
  return (
    <div className={classes["class"]}>
      <span className="stack">
        <span className="strong">{label}</span>
        <code className={classes["name"]}>{name}</code>
      </span>
      <span className={classes["choice"]}>
        <Select aria-label={words.keepOf(label)} w={200} allowDeselect={false} disabled={disabled} value={forEver ? "ever" : "days"} data={[{ value: "ever", label: words.forEver }, { value: "days", label: words.forDays }]} onChange={(choice) => onChange(choice === "days" ? PRESET_DAYS : FOR_EVER)} />
        {!forEver && <NumberInput aria-label={words.daysOf(label)} w={130} min={1} allowDecimal={false} disabled={disabled} value={Number.isNaN(days) ? "" : days} error={error} onChange={(value) => onChange(value === "" || Number(value) === FOR_EVER ? Number.NaN : Number(value))} />}
      </span>
    </div>
  );
};
