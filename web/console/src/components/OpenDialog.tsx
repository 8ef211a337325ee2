/**
 * Consent: the password again, the recording notice word for word, *Agree and open* or *Decline*. Then the ways to
 * the applications, each in a tab of its own.
 */
import { Button, Modal, PasswordInput } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import * as calls from "../api/calls";
import { ApiProblem } from "../api/problem";
import type { Opened, PrivilegedSession } from "../api/types";
import { texts } from "../texts";
import { fullText } from "../ui/time";
import { ProblemNote } from "./ProblemNote";
import { RecordingNotice } from "./RecordingNotice";
import { tell, tellProblem } from "./tell";
import { useMe } from "./useMe";

interface Props {
  session: PrivilegedSession;
  onClose: () => void;
}

/** The rule with which the server confirms that somebody declined. */
const DECLINED = "consent-declined";

export const OpenDialog = ({ session, onClose }: Props) => (
  <Modal opened onClose={onClose} title={`${texts.open.title}: ${session.account.name}`} size={520} closeButtonProps={{ "aria-label": texts.common.close }}>
    <OpenForm session={session} onClose={onClose} />
  </Modal>
);

export const OpenForm = ({ session, onClose }: Props) => {
  const me = useMe();
  const client = useQueryClient();
  const [password, setPassword] = useState("");
  const open = useMutation({
    mutationFn: () => calls.openSession(session.id, password, true),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["privileged_session"] });
      void client.invalidateQueries({ queryKey: ["me"] });
    },
    onError: () => setPassword(""),
  });
  const decline = useMutation({
    mutationFn: () => calls.openSession(session.id, password, false),
    onSettled: (_opened, error) => {
      if (error === null || (error instanceof ApiProblem && error.rule === DECLINED)) tell(texts.open.declined);
      else tellProblem(error);
      onClose();
    },
  });
  if (open.data) return <Ways opened={open.data} endsAt={session.ends_at} onClose={onClose} />;

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    open.mutate();
  };
  return (
    <form className="form" onSubmit={submit}>
      <RecordingNotice text={me.recording_notice} />
      {/* For password managers: whose password it is. */}
      <input type="text" name="username" autoComplete="username" value={me.user.user_name} readOnly hidden />
      <PasswordInput label={texts.open.password} description={texts.open.why} autoComplete="current-password" data-autofocus value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
      {open.error && <ProblemNote error={open.error} />}
      <div className="form-actions">
        <Button type="submit" loading={open.isPending} disabled={password === "" || decline.isPending}>
          {texts.open.agree}
        </Button>
        <Button variant="default" loading={decline.isPending} disabled={open.isPending} onClick={() => decline.mutate()}>
          {texts.open.decline}
        </Button>
      </div>
    </form>
  );
};

const Ways = ({ opened, endsAt, onClose }: { opened: Opened; endsAt: string; onClose: () => void }) => (
  <div className="form" role="status">
    <div className="stack">
      <span className="strong">{texts.open.agreedTitle}</span>
      <span className="soft">{texts.open.goHint}</span>
    </div>
    <div style={{ display: "grid", gap: 8 }}>
      {opened.targets.map((target) => (
        <Button key={target.target_id} component="a" href={target.url} target="_blank" rel="noopener" justify="space-between" rightSection={<IconExternalLink size={16} />} styles={{ root: { height: 42 } }}>
          {target.name}
        </Button>
      ))}
    </div>
    <span className="small soft">
      {texts.open.until(fullText(new Date(endsAt)))}. {texts.open.leave}
    </span>
    <div className="form-actions">
      <Button variant="default" onClick={onClose}>
        {texts.common.close}
      </Button>
    </div>
  </div>
);
