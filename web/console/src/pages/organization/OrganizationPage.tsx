import { NumberInput, Switch, Textarea, TextInput } from "@mantine/core";
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

const words = texts.organization;
const FIELDS = ["name", "allow_self_approval", "recording_notice", "isauditenabled", "isuseraccessauditenabled", "useraccessauditinginterval", "auditretentionperiodv2"];

export const OrganizationPage = () => {
  const query = useQuery(queries.organization());
  return (
    <Page narrow title={words.title} product={texts.product}>
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
      <Section title={words.auditing}>
        <div className="form settings">
          <Switch label={<code>{words.isauditenabled}</code>} description={words.isauditenabledHint} checked={values.isauditenabled} disabled={readOnly} onChange={(event) => set({ isauditenabled: event.currentTarget.checked })} />
          <Switch label={<code>{words.isuseraccessauditenabled}</code>} description={words.isuseraccessauditenabledHint} checked={values.isuseraccessauditenabled} disabled={readOnly} onChange={(event) => set({ isuseraccessauditenabled: event.currentTarget.checked })} />
          <NumberInput label={<code>{words.useraccessauditinginterval}</code>} description={words.useraccessauditingintervalHint} min={0} allowDecimal={false} maw={240} value={values.useraccessauditinginterval} error={errors["useraccessauditinginterval"]} disabled={readOnly} onChange={(value) => set({ useraccessauditinginterval: Number(value) })} />
          <NumberInput label={<code>{words.auditretentionperiodv2}</code>} description={words.auditretentionperiodv2Hint} min={-1} allowDecimal={false} maw={240} value={values.auditretentionperiodv2} error={errors["auditretentionperiodv2"]} disabled={readOnly} onChange={(value) => set({ auditretentionperiodv2: Number(value) })} />
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
