import { NumberInput, Switch } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";

import * as calls from "../../api/calls";
import type { Organization } from "../../api/types";
import * as can from "../../can";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { Loaded } from "../../components/Loaded";
import { tell } from "../../components/tell";
import { useMe } from "../../components/useMe";
import { texts } from "../../texts";
import * as queries from "../../api/queries";
import { Page, Section } from "../../ui/Page";
import { RefusableButton } from "../../ui/RefusableButton";
import { useFields } from "../../ui/useFields";
import { changedSettings, consequences, losesEvidence, RETENTION_FIELDS, settingsOf, wrongSettings } from "./audit-settings";
import classes from "./AuditSettings.module.css";
import { AuditedTargets } from "./AuditedTargets";
import { OrganizationTabs } from "./OrganizationTabs";
import { RetentionField } from "./RetentionField";

const words = texts.auditSettings;

export const AuditSettingsPage = () => {
  const query = useQuery(queries.organization());
  return (
    <Page narrow title={texts.organization.title} product={texts.product}>
      <OrganizationTabs at="audit" />
      <Loaded query={query}>
        {(organization) => (
          <>
            <Settings key={organization.version} organization={organization} />
            <AuditedTargets organization={organization} />
          </>
        )}
      </Loaded>
    </Page>
  );
};

const Settings = ({ organization }: { organization: Organization }) => {
  const manage = can.manageOrganization(useMe());
  const client = useQueryClient();
  const [confirming, setConfirming] = useState(false);
  const before = settingsOf(organization);
  const { values, set, errors, setErrors } = useFields(before);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const wrong = wrongSettings(values);
    setErrors(wrong);
    if (Object.keys(wrong).length > 0) return;
    if (Object.keys(changedSettings(before, values)).length === 0) tell(words.nothing);
    else setConfirming(true);
  };
  const off = { disabled: !manage.allowed };
  return (
    <form onSubmit={submit} noValidate>
      <Section title={words.auditing}>
        <div className="form settings">
          <Switch {...off} label={<Named words={words.isauditenabled} />} description={words.isauditenabled.hint} checked={values.isauditenabled} onChange={(event) => set({ isauditenabled: event.currentTarget.checked })} />
          <Switch {...off} label={<Named words={words.isuseraccessauditenabled} />} description={words.isuseraccessauditenabled.hint} checked={values.isuseraccessauditenabled} onChange={(event) => set({ isuseraccessauditenabled: event.currentTarget.checked })} />
          <NumberInput {...off} label={<Named words={words.useraccessauditinginterval} />} description={words.useraccessauditinginterval.hint} suffix={words.useraccessauditinginterval.unit} min={0} allowDecimal={false} maw={380} value={values.useraccessauditinginterval} error={errors["useraccessauditinginterval"]} onChange={(value) => set({ useraccessauditinginterval: value === "" ? Number.NaN : Number(value) })} />
        </div>
      </Section>
      <Section title={words.retention}>
        <p className="soft">{words.retentionHint}</p>
        <div className={classes["retention"]}>
          {RETENTION_FIELDS.map((name) => (
            <RetentionField key={name} words={words[name]} days={values[name]} error={errors[name]} disabled={!manage.allowed} onChange={(days) => set({ [name]: days })} />
          ))}
        </div>
      </Section>
      <div className="form-actions" style={{ marginTop: 18 }}>
        <RefusableButton type="submit" refusal={manage.allowed ? null : manage.reason} onClick={() => undefined}>
          {words.save}
        </RefusableButton>
      </div>
      {confirming && (
        <ConfirmDialog
          title={words.saveTitle}
          why={<Follows sentences={consequences(before, values)} />}
          action={words.save}
          danger={losesEvidence(before, values)}
          perform={() => calls.changeOrganization({ ...changedSettings(before, values), version: organization.version })}
          onClose={() => setConfirming(false)}
          onDone={() => {
            setConfirming(false);
            tell(texts.common.saved);
            void client.invalidateQueries({ queryKey: ["organization"] });
            void client.invalidateQueries({ queryKey: ["audit-event"] });
          }}
        />
      )}
    </form>
  );
};

/** A setting by what it does, and by the name that the source and the API have for it. */
export const Named = ({ words: { label, name } }: { words: { label: string; name: string } }) => (
  <>
    {label} <code className={classes["name"]}>{name}</code>
  </>
);

const Follows = ({ sentences }: { sentences: readonly string[] }): ReactNode => (
  <>
    <p className={classes["follows"]}>{words.follows}</p>
    <ul className={classes["sentences"]}>
      {sentences.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  </>
);
