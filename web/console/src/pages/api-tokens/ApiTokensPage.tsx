import { Button, Modal, Select, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import * as calls from "../../api/calls";
import * as queries from "../../api/queries";
import type { ApiToken } from "../../api/types";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { formErrors, isShownAtFields } from "../../components/formErrors";
import { ProblemNote } from "../../components/ProblemNote";
import { SecretOnce } from "../../components/SecretOnce";
import { useSaved } from "../../components/useSaved";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { Time } from "../../ui/Time";
import { DAY } from "../../ui/time";
import { useFields } from "../../ui/useFields";

const words = texts.apiTokens;
const PRESET_DAYS = "90";

const columnsFor = (revoke: (token: ApiToken) => void): Column<ApiToken>[] => [
  { id: "name", header: words.name, grow: true, cell: (token) => <span className="strong">{token.name}</span> },
  { id: "created", header: words.created, cell: (token) => <Time at={token.created_at} /> },
  { id: "used", header: words.lastUsed, cell: (token) => (token.last_used_at ? <Time at={token.last_used_at} /> : <span className="soft">{words.never}</span>) },
  { id: "expires", header: words.expires, cell: (token) => (token.expires_at === null ? <span className="soft">{words.never}</span> : <Time at={token.expires_at} />) },
  {
    id: "revoke",
    header: "",
    cell: (token) => (
      <Button variant="default" onClick={() => revoke(token)}>
        {words.revoke}
      </Button>
    ),
  },
];

export const ApiTokensPage = () => {
  const client = useQueryClient();
  const tokens = useQuery(queries.apiTokens());
  const [creating, setCreating] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [revoked, setRevoked] = useState<ApiToken | null>(null);
  return (
    <Page
      title={words.title}
      product={texts.product}
      lead={words.hint}
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
          {words.new}
        </Button>
      }
    >
      {tokens.error && !tokens.data ? (
        <ProblemNote error={tokens.error} onRetry={() => void tokens.refetch()} />
      ) : (
        <DataTable caption={words.caption} columns={columnsFor(setRevoked)} rows={tokens.data} rowId={(token) => token.id} empty={<EmptyState title={words.empty} hint={words.emptyHint} />} />
      )}
      {creating && (
        <NewToken
          onClose={() => setCreating(false)}
          onDone={(made) => {
            setCreating(false);
            setSecret(made);
          }}
        />
      )}
      {secret !== null && <SecretOnce title={words.secret} hint={words.secretHint} secret={secret} onClose={() => setSecret(null)} />}
      {revoked !== null && (
        <ConfirmDialog
          title={`${words.revoke}: ${revoked.name}`}
          why={words.revokeWhy}
          action={words.revoke}
          perform={() => calls.revokeApiToken(revoked.id)}
          onClose={() => setRevoked(null)}
          onDone={() => {
            setRevoked(null);
            void client.invalidateQueries({ queryKey: ["api-token"] });
          }}
        />
      )}
    </Page>
  );
};

const NewToken = ({ onDone, onClose }: { onDone: (secret: string) => void; onClose: () => void }) => {
  const { values, set, errors, setErrors } = useFields({ name: "", days: PRESET_DAYS });
  const create = useSaved(
    () => calls.createApiToken(values.name.trim(), values.days === "0" ? null : new Date(Date.now() + Number(values.days) * DAY).toISOString()),
    "api-token",
    (token) => onDone(token.secret),
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    create.mutate(undefined, { onError: (error) => setErrors(formErrors(error)) });
  };
  return (
    <Modal opened onClose={onClose} title={words.new} closeButtonProps={{ "aria-label": texts.common.close }}>
      <form className="form" onSubmit={submit}>
        <TextInput label={words.name} description={words.nameHint} value={values.name} error={errors["name"]} data-autofocus onChange={(event) => set({ name: event.currentTarget.value })} />
        <Select label={words.expires} value={values.days} error={errors["expires_at"]} allowDeselect={false} data={["30", "90", "365", "0"].map((value) => ({ value, label: words.days[Number(value)] ?? value }))} onChange={(days) => set({ days: days ?? PRESET_DAYS })} />
        {create.error && !isShownAtFields(create.error, ["name", "expires_at"]) && <ProblemNote error={create.error} />}
        <div className="form-actions">
          <Button type="submit" loading={create.isPending} disabled={values.name.trim() === ""}>
            {texts.common.create}
          </Button>
        </div>
      </form>
    </Modal>
  );
};
