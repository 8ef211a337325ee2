import { Button, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { Link, useNavigate } from "react-router";

import * as calls from "../../api/calls";
import type { ScheduledExport } from "../../api/types";
import * as can from "../../can";
import { formErrors, isShownAtFields } from "../../components/formErrors";
import { ProblemNote } from "../../components/ProblemNote";
import { tell } from "../../components/tell";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { useFields } from "../../ui/useFields";
import { type Fields, PRESET, requestOf, wrongFields } from "./fields";
import classes from "./ScheduledExports.module.css";

const words = texts.scheduledExports;
const FORMATS = Object.entries(texts.export.format).map(([value, { name }]) => ({ value, label: name }));

export const NewPage = () => {
  const manage = can.manageExports(useMe());
  return (
    <Page narrow title={words.add} product={texts.product} trail={<Link to={paths.scheduledExports}>{words.title}</Link>}>
      {manage.allowed ? <Form /> : <EmptyState title={manage.reason} />}
    </Page>
  );
};

const Form = () => {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { values, set, errors, setErrors } = useFields<Fields>(PRESET);
  const create = useMutation({
    mutationFn: () => calls.createScheduledExport(requestOf(values)),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: ["scheduled_export"] });
      tell(words.created);
      void navigate(paths.scheduledExport(made.id));
    },
    // What is wrong with the place is said at its first field.
    onError: (error) => {
      const { target, ...others } = formErrors(error);
      setErrors({ ...others, ...(target === undefined ? {} : { [values.kind === "folder" ? "path" : "bucket"]: target }) });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const wrong = wrongFields(values);
    setErrors(wrong);
    if (Object.keys(wrong).length === 0) create.mutate();
  };
  const text = (name: keyof Fields, label: string, description?: string) => (
    <TextInput label={label} description={description} error={errors[name]} maw={560} autoComplete="off" spellCheck={false} value={values[name]} onChange={(event) => set({ [name]: event.currentTarget.value })} />
  );
  return (
    <form className="form" onSubmit={submit} noValidate>
      {text("name", words.name, words.nameHint)}
      <Choice label={words.content} choices={words.contents} value={values.content} onChange={(content) => set({ content: content as Fields["content"] })} />
      <Choice label={words.every} choices={words.intervals} value={values.every} onChange={(every) => set({ every: every as Fields["every"] })} />
      <Select label={words.format} description={texts.export.format[values.format].use} error={errors["format"]} maw={260} allowDeselect={false} value={values.format} data={FORMATS} onChange={(format) => format !== null && set({ format: format as ScheduledExport["format"] })} />
      <Choice label={words.kind} choices={{ folder: { label: words.kinds["folder"] ?? "" }, s3: { label: words.kinds["s3"] ?? "" } }} value={values.kind} onChange={(kind) => set({ kind: kind as Fields["kind"] })} />
      {values.kind === "folder" ? (
        text("path", words.path, words.pathHint)
      ) : (
        <>
          {text("bucket", words.bucket)}
          {text("region", words.region)}
          {text("prefix", words.prefix, words.prefixHint)}
          {text("endpoint", words.endpoint, words.endpointHint)}
          {text("access_key_id", words.accessKey, words.accessKeyHint)}
          {text("secret_access_key", words.secret, words.secretHint)}
        </>
      )}
      <TextInput type="date" label={words.from} description={words.fromHint} error={errors["from"] ?? errors["starts_at"]} maw={260} value={values.from} onChange={(event) => set({ from: event.currentTarget.value })} />
      {create.error && !isShownAtFields(create.error, [...Object.keys(values), "starts_at", "target"]) && <ProblemNote error={create.error} />}
      <div className="form-actions">
        <Button type="submit" loading={create.isPending}>
          {words.create}
        </Button>
        <Button variant="default" component={Link} to={paths.scheduledExports}>
          {texts.common.back}
        </Button>
      </div>
    </form>
  );
};

interface ChoiceProps {
  label: string;
  choices: Record<string, { label: string; hint?: string }>;
  value: string;
  onChange: (value: string) => void;
}

/** One of two, with what it means. */
const Choice = ({ label, choices, value, onChange }: ChoiceProps) => (
  <div role="group" aria-label={label}>
    <div className={classes["label"]}>{label}</div>
    <SegmentedControl aria-label={label} value={value} onChange={onChange} data={Object.entries(choices).map(([one, { label: word }]) => ({ value: one, label: word }))} />
    {choices[value]?.hint !== undefined && <div className="small soft">{choices[value].hint}</div>}
  </div>
);
