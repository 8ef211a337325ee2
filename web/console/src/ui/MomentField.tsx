/** A day and a time in the viewer's zone. What is half typed is kept in the field and not said yet. */
import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useState } from "react";

import { fromLocalInput, toLocalInput } from "./time";

interface Props {
  label: string;
  /** Null: none. */
  value: Date | null;
  /** The id of the text that says what is wrong with it. */
  wrong?: string | undefined;
  onChange: (at: Date) => void;
}

const PAUSE_MS = 500;
/** While a year is typed, it is first 2, then 20, then 202. */
const FIRST_YEAR = 1970;

export const MomentField = ({ label, value, wrong, onChange }: Props) => {
  const given = value === null ? "" : toLocalInput(value);
  const [typed, setTyped] = useState(given);
  const [seen, setSeen] = useState(given);
  if (given !== seen) {
    setSeen(given);
    setTyped(given);
  }
  const say = useDebouncedCallback((text: string) => {
    const at = fromLocalInput(text);
    if (at === null || at.getFullYear() < FIRST_YEAR || text === given) return;
    setSeen(text);
    onChange(at);
  }, PAUSE_MS);
  return (
    <TextInput
      type="datetime-local"
      label={label}
      value={typed}
      error={wrong !== undefined}
      aria-describedby={wrong}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        say(event.currentTarget.value);
      }}
    />
  );
};
