import classes from "./Chips.module.css";

interface Props<Value extends string> {
  label: string;
  options: readonly { value: Value; label: string }[];
  chosen: readonly Value[];
  onChange: (chosen: Value[]) => void;
  /** Only one at a time. */
  single?: boolean;
}

/** Choices that are pressed and released. */
export const Chips = <Value extends string>({ label, options, chosen, onChange, single = false }: Props<Value>) => (
  <div className={classes["chips"]} role="group" aria-label={label}>
    {options.map((option) => {
      const pressed = chosen.includes(option.value);
      const toggle = (): void => onChange(single ? [option.value] : pressed ? chosen.filter((one) => one !== option.value) : [...chosen, option.value]);
      return (
        <button key={option.value} type="button" className={classes["chip"]} aria-pressed={pressed} onClick={toggle}>
          {option.label}
        </button>
      );
    })}
  </div>
);
