import { Button, Checkbox, Modal, Select, Textarea, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import * as calls from "../../api/calls";
import * as queries from "../../api/queries";
import type { Target, TargetIdentity, TargetRecording, WebServicesInSession } from "../../api/types";
import * as can from "../../can";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { formErrors, isShownAtFields } from "../../components/formErrors";
import { ProblemNote } from "../../components/ProblemNote";
import { useMe } from "../../components/useMe";
import { useSaved } from "../../components/useSaved";
import { texts } from "../../texts";
import { RefusableButton } from "../../ui/RefusableButton";
import { useFields } from "../../ui/useFields";

const FIELDS = ["name", "host", "upstream", "directory_id", "identity", "recording", "web_services_in_session", "entry_posts", "audit_enabled"];

interface Fields {
  name: string;
  host: string;
  upstream: string;
  directory_id: string | null;
  identity: TargetIdentity;
  recording: TargetRecording;
  web_services_in_session: WebServicesInSession;
  entry_posts: string;
  audit_enabled: boolean;
}

const PRESET: Fields = { name: "", host: "", upstream: "", directory_id: null, identity: "headers", recording: "privileged", web_services_in_session: "refuse", entry_posts: "", audit_enabled: true };

export const TargetDialog = ({ target, onClose }: { target: Target | null; onClose: () => void }) => {
  const manage = can.manageTargets(useMe());
  const client = useQueryClient();
  const directories = useQuery(queries.directories());
  const [removing, setRemoving] = useState(false);
  const { values, set, errors, setErrors } = useFields<Fields>(target === null ? PRESET : { ...PRESET, ...pick(target), entry_posts: target.entry_posts.join("\n") });
  const save = useSaved(
    () => {
      const { directory_id, entry_posts, ...rest } = values;
      const lines = entry_posts.split("\n").map((line) => line.trim());
      const fields = { ...rest, entry_posts: lines.filter((line) => line !== "") };
      if (target !== null) return calls.changeTarget(target.id, fields);
      return calls.createTarget({ ...fields, ...(directory_id === null ? {} : { directory_id }) } as calls.TargetFields);
    },
    "target",
    onClose,
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutate(undefined, { onError: (error) => setErrors(formErrors(error)) });
  };
  if (target !== null && removing)
    return (
      <ConfirmDialog title={`${texts.targets.remove}: ${target.name}`} why={texts.targets.removeWhy} action={texts.common.remove} perform={() => calls.removeTarget(target.id)} onClose={() => setRemoving(false)}
        onDone={() => {
          void client.invalidateQueries({ queryKey: ["target"] });
          onClose();
        }} />
    );
  return (
    <Modal opened onClose={onClose} size="lg" title={target === null ? texts.targets.new : target.name} closeButtonProps={{ "aria-label": texts.common.close }}>
      <form className="form" onSubmit={submit} noValidate>
        <TextInput label={texts.targets.name} description={texts.targets.nameHint} value={values.name} error={errors["name"]} data-autofocus={target === null || undefined} onChange={(event) => set({ name: event.currentTarget.value })} />
        <TextInput label={texts.targets.host} description={texts.targets.hostHint} value={values.host} error={errors["host"]} onChange={(event) => set({ host: event.currentTarget.value.trim() })} />
        <TextInput label={texts.targets.upstream} description={texts.targets.upstreamHint} value={values.upstream} error={errors["upstream"]} onChange={(event) => set({ upstream: event.currentTarget.value.trim() })} />
        {target === null && (directories.data?.length ?? 0) > 1 && (
          <Select label={texts.targets.directory} value={values.directory_id ?? directories.data?.[0]?.id ?? null} error={errors["directory_id"]} data={(directories.data ?? []).map(({ id, name }) => ({ value: id, label: name }))} onChange={(directory_id) => set({ directory_id })} />
        )}
        <Choice label={texts.targets.identity} words={texts.identity} value={values.identity} error={errors["identity"]} onChange={(identity) => set({ identity })} />
        <Choice label={texts.targets.recording} words={texts.targetRecording} value={values.recording} error={errors["recording"]} onChange={(recording) => set({ recording })} />
        <Choice label={texts.targets.webServices} words={texts.webServices} value={values.web_services_in_session} error={errors["web_services_in_session"]} onChange={(web_services_in_session) => set({ web_services_in_session })} />
        <Checkbox label={texts.targets.audit} description={texts.targets.auditHint} checked={values.audit_enabled} onChange={(event) => set({ audit_enabled: event.currentTarget.checked })} />
        <Textarea label={texts.targets.entryPosts} description={texts.targets.entryPostsHint} autosize minRows={1} value={values.entry_posts} error={errors["entry_posts"]} onChange={(event) => set({ entry_posts: event.currentTarget.value })} />
        {save.error && !isShownAtFields(save.error, FIELDS) && <ProblemNote error={save.error} />}
        <div className="form-actions">
          <RefusableButton type="submit" loading={save.isPending} refusal={manage.allowed ? null : manage.reason} onClick={() => undefined}>
            {target === null ? texts.common.add : texts.common.save}
          </RefusableButton>
          {target !== null && manage.allowed && (
            <Button variant="default" onClick={() => setRemoving(true)}>
              {texts.targets.remove}
            </Button>
          )}
        </div>
      </form>
    </Modal>
  );
};

const pick = ({ name, host, upstream, directory_id, identity, recording, web_services_in_session, audit_enabled }: Target) => ({ name, host, upstream, directory_id, identity, recording, web_services_in_session, audit_enabled });

interface ChoiceProps<Value extends string> {
  label: string;
  words: Record<Value, { label: string; meaning: string }>;
  value: Value;
  error: string | undefined;
  onChange: (value: Value) => void;
}

/** A choice whose meaning is said in a sentence. */
const Choice = <Value extends string>({ label, words, value, error, onChange }: ChoiceProps<Value>) => {
  const values = Object.keys(words) as Value[];
  return (
    <Select label={label} description={words[value].meaning} value={value} error={error} allowDeselect={false} data={values.map((one) => ({ value: one, label: words[one].label }))}
      onChange={(chosen) => {
        const known = values.find((one) => one === chosen);
        if (known) onChange(known);
      }} />
  );
};
