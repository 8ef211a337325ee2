/** Choosing a window: now or at a time, for how long, and what that makes. */
import { Input, SegmentedControl, TextInput } from "@mantine/core";

import { texts } from "../../texts";
import { Chips } from "../../ui/Chips";
import { HOUR, lengthText, spanText, zoneAt, zoneName } from "../../ui/time";
import { useNow } from "../../ui/useNow";
import { WindowBar } from "../../ui/WindowBar";
import { DURATIONS_MS, resolve, type WindowFields, windowErrors } from "./request-window";

interface Props {
  fields: WindowFields;
  set: (changed: Partial<WindowFields>) => void;
  errors: Partial<Record<string, string>>;
}

const CUSTOM = "custom";

export const WindowField = ({ fields, set, errors }: Props) => {
  const now = useNow(15_000);
  const window = resolve(fields, now);
  const wrong = windowErrors(fields, now);
  return (
    <div style={{ display: "grid", gap: 14 }}>
      <div className="row" style={{ alignItems: "flex-end", gap: 12 }}>
        <div>
          <Input.Label component="div" id="window-start">
            {texts.new.start}
          </Input.Label>
          <SegmentedControl
            aria-labelledby="window-start"
            value={fields.start}
            onChange={(start) => set({ start: start === "at" ? "at" : "now" })}
            data={[
              { value: "now", label: texts.new.startNow },
              { value: "at", label: texts.new.startAt },
            ]}
          />
        </div>
        {fields.start === "at" && (
          <TextInput type="datetime-local" label={texts.new.startsAt} value={fields.starts_at} error={errors["starts_at"]} onChange={(event) => set({ starts_at: event.currentTarget.value })} />
        )}
      </div>
      {fields.start === "now" && errors["starts_at"] && <Input.Error>{errors["starts_at"]}</Input.Error>}
      <div className="row" style={{ alignItems: "flex-end", gap: 12 }}>
        <div>
          <Input.Label component="div">{texts.new.duration}</Input.Label>
          <Chips
            single
            label={texts.new.duration}
            options={[...DURATIONS_MS.map((length) => ({ value: String(length), label: texts.new.hours(length / HOUR) })), { value: CUSTOM, label: texts.new.endsAt }]}
            chosen={[fields.duration_ms === null ? CUSTOM : String(fields.duration_ms)]}
            onChange={([choice]) => set({ duration_ms: choice === CUSTOM || choice === undefined ? null : Number(choice) })}
          />
        </div>
        {fields.duration_ms === null && (
          <TextInput type="datetime-local" label={texts.new.endsAt} value={fields.ends_at} onChange={(event) => set({ ends_at: event.currentTarget.value })} />
        )}
      </div>
      {(errors["ends_at"] ?? wrong["ends_at"]) && <Input.Error>{errors["ends_at"] ?? wrong["ends_at"]}</Input.Error>}
      {window && (
        <div style={{ display: "grid", gap: 8, maxWidth: 480 }}>
          <WindowBar from={window.from} to={window.to} now={now} tone="info" large label={spanText(window.from, window.to, now)} />
          <span className="small soft">
            {spanText(window.from, window.to, now)} {zoneAt(window.from)} ({zoneName()}) · {lengthText(window.to.getTime() - window.from.getTime())}. {texts.new.maximum}
          </span>
        </div>
      )}
    </div>
  );
};
