import { Switch, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";

import * as calls from "../../api/calls";
import { isProblem } from "../../api/problem";
import * as queries from "../../api/queries";
import type { Organization } from "../../api/types";
import * as can from "../../can";
import { formErrors, isShownAtFields } from "../../components/formErrors";
import { Loaded } from "../../components/Loaded";
import { ProblemNote } from "../../components/ProblemNote";
import { useMe } from "../../components/useMe";
import { useSaved } from "../../components/useSaved";
import { texts } from "../../texts";
import { Page, Section } from "../../ui/Page";
import { RefusableButton } from "../../ui/RefusableButton";
import { useFields } from "../../ui/useFields";
import { OrganizationTabs } from "./OrganizationTabs";

const words = texts.organization;
const FIELDS = ["name", "allow_self_approval", "recording_notice"];

export const OrganizationPage = () => {
  const query = useQuery(queries.organization());
  return (
    <Page narrow title={words.title} product={texts.product}>
      <OrganizationTabs at="general" />
      <Loaded query={query}>{(organization) => <Settings key={organization.version} organization={organization} refetch={() => void query.refetch()} />}</Loaded>
    </Page>
  );
};

const Settings = ({ organization, refetch }: { organization: Organization; refetch: () => void }) => {
  const manage = can.manageOrganization(useMe());
  const readOnly = !manage.allowed;
  const { values, set, errors, setErrors } = useFields<Organization>(organization);
  const save = useSaved((changed: Partial<Organization>) => calls.changeOrganization({ ...changed, version: organization.version }), "organization", () => undefined);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const changed = Object.fromEntries(Object.entries(values).filter(([name, value]) => organization[name as keyof Organization] !== value));
    save.mutate(changed, {
      onError: (error) => {
        setErrors(formErrors(error));
        if (isProblem(error, 409)) refetch();
      },
    });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Section title={words.general}>
        <div className="form settings">
          <TextInput label={words.name} description={words.nameHint} value={values.name} error={errors["name"]} disabled={readOnly} maw={360} onChange={(event) => set({ name: event.currentTarget.value })} />
        </div>
      </Section>
      <Section title={words.approval}>
        <div className="form settings">
          <Switch label={words.selfApproval} description={words.selfApprovalHint} checked={values.allow_self_approval} error={errors["allow_self_approval"]} disabled={readOnly} onChange={(event) => set({ allow_self_approval: event.currentTarget.checked })} />
        </div>
      </Section>
      <Section title={words.recording}>
        <div className="form settings">
          <Textarea label={words.notice} description={words.noticeHint} autosize minRows={3} maxLength={4000} value={values.recording_notice} error={errors["recording_notice"]} disabled={readOnly} onChange={(event) => set({ recording_notice: event.currentTarget.value })} />
        </div>
      </Section>
      {save.error && !isShownAtFields(save.error, FIELDS) && (isProblem(save.error, 409) ? <div className="note" data-tone="warn" role="alert"><p>{words.conflict}</p></div> : <ProblemNote error={save.error} />)}
      <div className="form-actions" style={{ marginTop: 20 }}>
        <RefusableButton type="submit" loading={save.isPending} refusal={manage.allowed ? null : manage.reason} onClick={() => undefined}>
          {texts.common.save}
        </RefusableButton>
      </div>
    </form>
  );
};
