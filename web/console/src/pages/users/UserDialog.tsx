import { Button, Checkbox, Modal, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import * as calls from "../../api/calls";
import type { Role, User, UserCreated } from "../../api/types";
import * as can from "../../can";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { formErrors, isShownAtFields } from "../../components/formErrors";
import { ProblemNote } from "../../components/ProblemNote";
import { useMe } from "../../components/useMe";
import { useSaved } from "../../components/useSaved";
import { texts } from "../../texts";
import { RefusableButton } from "../../ui/RefusableButton";
import { useFields } from "../../ui/useFields";

const ROLES: readonly Role[] = ["system_administrator", "approver", "auditor", "user"];
const FIELDS = ["user_name", "display_name", "email", "roles"];

interface Props {
  /** Null makes a new one. */
  user: User | null;
  /** With the one-time password, when there is one to show. */
  onDone: (oneTimePassword: string | null) => void;
  onClose: () => void;
}

export const UserDialog = ({ user, onDone, onClose }: Props) => {
  const me = useMe();
  const client = useQueryClient();
  const manage = can.manageUsers(me);
  const [asking, setAsking] = useState<"reset" | "deactivate" | null>(null);
  const { values, set, errors, setErrors } = useFields({ user_name: user?.user_name ?? "", display_name: user?.display_name ?? "", email: user?.email ?? "", roles: user?.roles ?? (["user"] as Role[]) });

  const save = useSaved(
    async (): Promise<User & Partial<UserCreated>> => {
      const { user_name, ...rest } = values;
      return user === null ? calls.createUser({ user_name, ...rest }) : calls.changeUser(user.id, rest);
    },
    "user",
    (saved) => {
      // A new user of the built-in directory brings an account.
      void client.invalidateQueries({ queryKey: ["account"] });
      onDone(saved.one_time_password ?? null);
    },
  );
  const activate = useSaved(() => calls.changeUser(user?.id ?? "", { active: true }), "user", () => onDone(null));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutate(undefined, { onError: (error) => setErrors(formErrors(error)) });
  };

  if (user !== null && asking === "reset")
    return (
      <ConfirmDialog title={`${texts.users.reset}: ${user.user_name}`} why={texts.users.resetWhy} action={texts.users.reset} danger={false} onClose={() => setAsking(null)} onDone={() => undefined}
        perform={async () => onDone((await calls.resetPassword(user.id)).one_time_password)} />
    );
  if (user !== null && asking === "deactivate")
    return (
      <ConfirmDialog title={`${texts.users.deactivate}: ${user.user_name}`} why={texts.users.deactivateWhy} action={texts.users.deactivate} onClose={() => setAsking(null)}
        perform={() => calls.changeUser(user.id, { active: false })}
        onDone={() => {
          void client.invalidateQueries({ queryKey: ["user"] });
          onDone(null);
        }} />
    );

  const deactivate = user && can.deactivate(me, user.id);
  return (
    <Modal opened onClose={onClose} title={user === null ? texts.users.new : user.display_name || user.user_name} closeButtonProps={{ "aria-label": texts.common.close }}>
      <form className="form" onSubmit={submit} noValidate>
        <TextInput label={texts.users.userName} value={values.user_name} error={errors["user_name"]} disabled={user !== null} autoComplete="off" data-autofocus={user === null || undefined} onChange={(event) => set({ user_name: event.currentTarget.value })} />
        <TextInput label={texts.users.displayName} value={values.display_name} error={errors["display_name"]} autoComplete="off" onChange={(event) => set({ display_name: event.currentTarget.value })} />
        <TextInput label={texts.users.email} type="email" value={values.email} error={errors["email"]} autoComplete="off" onChange={(event) => set({ email: event.currentTarget.value })} />
        <Checkbox.Group label={texts.users.roles} value={values.roles} error={errors["roles"]} onChange={(roles) => set({ roles: ROLES.filter((role) => roles.includes(role)) })}>
          <div style={{ display: "grid", gap: 8, marginTop: 8 }}>
            {ROLES.map((role) => (
              <Checkbox key={role} value={role} label={texts.role[role].label} description={texts.role[role].meaning} />
            ))}
          </div>
        </Checkbox.Group>
        {save.error && !isShownAtFields(save.error, FIELDS) && <ProblemNote error={save.error} />}
        {activate.error && <ProblemNote error={activate.error} />}
        <div className="form-actions">
          <RefusableButton type="submit" loading={save.isPending} refusal={manage.allowed ? null : manage.reason} onClick={() => undefined}>
            {user === null ? texts.common.create : texts.common.save}
          </RefusableButton>
          {user !== null && manage.allowed && (
            <Button variant="default" onClick={() => setAsking("reset")}>
              {texts.users.reset}
            </Button>
          )}
          {user !== null && !user.active && manage.allowed && (
            <Button variant="default" loading={activate.isPending} onClick={() => activate.mutate(undefined)}>
              {texts.users.activate}
            </Button>
          )}
          {user?.active && deactivate && (
            <RefusableButton variant="default" refusal={deactivate.allowed ? null : deactivate.reason} onClick={() => setAsking("deactivate")}>
              {texts.users.deactivate}
            </RefusableButton>
          )}
        </div>
      </form>
    </Modal>
  );
};
