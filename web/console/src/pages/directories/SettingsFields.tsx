/** The fields of a kind of directory. */
import { SegmentedControl, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";

import { texts } from "../../texts";
import type { AddedKind } from "../../texts-directories";
import { CERTIFICATES, type Field, FIELDS, type Values } from "./settings";

interface Props {
  kind: AddedKind;
  values: Values;
  errors: Partial<Record<string, string>>;
  set: (changed: Values) => void;
}

export const SettingsFields = ({ kind, values, errors, set }: Props) => (
  <>
    {FIELDS[kind].map((field) => (
      <OneField key={field.name} field={field} values={values} errors={errors} set={set} />
    ))}
  </>
);

const OneField = ({ field: { name, type, words, optional = false }, values, errors, set }: Omit<Props, "kind"> & { field: Field }) => {
  const value = values[name] ?? "";
  const said = { label: words.label, ...(words.hint === undefined ? {} : { description: words.hint }), error: errors[name] };
  if (type === "switch") return <Switch label={words.label} description={words.hint} checked={value === "yes"} onChange={(event) => set({ [name]: event.currentTarget.checked ? "yes" : "" })} />;
  if (type === "flavour")
    return <Flavour label={words.label} hint={words.hint ?? ""} value={value} onChange={(chosen) => set({ [name]: chosen })} />;
  if (type === "tls")
    return (
      <>
        <Select {...said} description={texts.tls[value]?.meaning} allowDeselect={false} maw={420} value={value} data={Object.entries(texts.tls).map(([mode, { label }]) => ({ value: mode, label }))} onChange={(mode) => mode !== null && set({ [name]: mode })} />
        {value === "authorities" && (
          <Textarea label={texts.directoryField.certificates.label} description={texts.directoryField.certificates.hint} placeholder={texts.directoryField.certificates.placeholder} autosize minRows={4} maxRows={12} spellCheck={false} styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 12 } }} value={values[CERTIFICATES] ?? ""} error={errors[CERTIFICATES]} onChange={(event) => set({ [CERTIFICATES]: event.currentTarget.value })} />
        )}
      </>
    );
  return (
    <TextInput
      {...said}
      {...(type === "secret" ? { description: <SecretHint hint={words.hint} />, leftSection: <IconKey size={15} aria-hidden /> } : {})}
      required={!optional}
      withAsterisk={false}
      maw={type === "port" ? 120 : 560}
      inputMode={type === "port" ? "numeric" : "text"}
      autoComplete="off"
      spellCheck={false}
      placeholder={words.placeholder === undefined ? undefined : texts.directories.example(words.placeholder)}
      value={value}
      onChange={(event) => set({ [name]: event.currentTarget.value })}
    />
  );
};

const SecretHint = ({ hint }: { hint: string | undefined }) => (
  <>
    {hint !== undefined && <>{hint}. </>}
    {texts.directories.secret}
  </>
);

const Flavour = ({ label, hint, value, onChange }: { label: string; hint: string; value: string; onChange: (value: string) => void }) => (
  <div>
    <div className="strong" id="flavour">{label}</div>
    <div className="small soft" style={{ marginBottom: 6 }}>{hint}</div>
    <SegmentedControl aria-labelledby="flavour" value={value} onChange={onChange} data={Object.entries(texts.flavour).map(([one, word]) => ({ value: one, label: word }))} />
  </div>
);
