/** The connection of a directory: its fields, the test, and saving. */
import { Button, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { FormEvent, ReactNode } from "react";
import { Link } from "react-router";

import * as calls from "../../api/calls";
import type { Directory, DirectorySettings } from "../../api/types";
import { formErrors, isShownAtFields } from "../../components/formErrors";
import { ProblemNote } from "../../components/ProblemNote";
import { paths } from "../../paths";
import { texts } from "../../texts";
import type { AddedKind } from "../../texts-directories";
import { useFields } from "../../ui/useFields";
import { ConnectionTest } from "./ConnectionTest";
import { sectionOf } from "./guide";
import { settingsOf, type Values, wrongFields } from "./settings";
import { SettingsFields } from "./SettingsFields";

interface Props {
  kind: AddedKind;
  name: string;
  values: Values;
  action: string;
  save: (name: string, settings: DirectorySettings) => Promise<Directory>;
  onSaved: (directory: Directory) => void;
  children?: ReactNode;
}

const NAME = "name";

export const ConnectionForm = ({ kind, name, values: initial, action, save, onSaved, children }: Props) => {
  const { values, set, errors, setErrors } = useFields<Values>({ ...initial, [NAME]: name });
  const test = useMutation({ mutationFn: () => calls.testSettings(settingsOf(kind, values)) });
  const store = useMutation({
    mutationFn: () => save((values[NAME] ?? "").trim(), settingsOf(kind, values)),
    onSuccess: onSaved,
    onError: (error) => setErrors(formErrors(error)),
  });
  // What was found belongs to the fields as they were then.
  const change = (changed: Values): void => {
    set(changed);
    test.reset();
    store.reset();
  };
  /** Whether every field that counts is in order. */
  const inOrder = (wrong: Record<string, string>): boolean => {
    setErrors(wrong);
    return Object.keys(wrong).length === 0;
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const nameless = (values[NAME] ?? "").trim() === "";
    if (inOrder({ ...wrongFields(kind, values), ...(nameless ? { [NAME]: texts.directories.required } : {}) })) store.mutate();
  };
  return (
    <form className="form" onSubmit={submit} noValidate>
      <div className="note">
        <div className="stack">
          <p className="strong">{texts.directories.rights}</p>
          <p>
            {texts.directoryKind[kind].rights} <Link to={paths.directoryGuide(sectionOf(kind))} target="_blank">{texts.directories.guide}</Link>
          </p>
        </div>
      </div>
      <TextInput label={texts.directories.name} description={texts.directories.nameHint} maxLength={200} maw={420} value={values[NAME] ?? ""} error={errors[NAME]} onChange={(event) => set({ [NAME]: event.currentTarget.value })} />
      <SettingsFields kind={kind} values={values} errors={errors} set={change} />
      {test.data && <ConnectionTest tested={test.data} />}
      {test.error && <ProblemNote error={test.error} />}
      {store.error && !isShownAtFields(store.error, Object.keys(values)) && <ProblemNote error={store.error} />}
      <div className="form-actions">
        <Button variant="default" loading={test.isPending} onClick={() => inOrder(wrongFields(kind, values)) && test.mutate()}>
          {texts.directories.test}
        </Button>
        <Button type="submit" loading={store.isPending}>
          {action}
        </Button>
        {children}
      </div>
      <p className="small soft" style={{ margin: 0 }}>{texts.directories.testHint}</p>
    </form>
  );
};
