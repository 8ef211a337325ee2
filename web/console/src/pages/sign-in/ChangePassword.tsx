import { Button, PasswordInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Navigate, useNavigate, useSearchParams } from "react-router";

import * as calls from "../../api/calls";
import { rememberCsrfToken } from "../../api/client";
import { ApiProblem, isProblem } from "../../api/problem";
import * as queries from "../../api/queries";
import { tell } from "../../components/tell";
import { ProblemNote } from "../../components/ProblemNote";
import { isClientPath, paths, safeThen } from "../../paths";
import { texts } from "../../texts";
import { Door } from "./Door";

export const ChangePassword = () => {
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const client = useQueryClient();
  const me = useQuery(queries.me());
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const then = safeThen(params.get("then"));

  const change = useMutation({
    mutationFn: () => calls.changePassword(old, fresh),
    onSuccess: async () => {
      tell(texts.signIn.changed);
      await client.resetQueries();
      if (isClientPath(then)) await navigate(then, { replace: true });
      else window.location.replace(then);
    },
  });
  if (isProblem(me.error, 401)) return <Navigate to={paths.signIn(paths.changePassword(then))} replace />;
  if (me.data) rememberCsrfToken(me.data.csrf_token);

  const fields = change.error instanceof ApiProblem ? change.error.byField() : {};
  const differ = again !== "" && fresh !== again;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <Door title={texts.signIn.changeTitle} lead={me.data?.user.password_must_change ? texts.signIn.changeForced : texts.signIn.changeFree}>
      <form className="form" onSubmit={submit}>
        {change.error && <ProblemNote error={change.error} />}
        <PasswordInput label={texts.signIn.oldPassword} autoComplete="current-password" value={old} error={fields["old_password"]} onChange={(event) => setOld(event.currentTarget.value)} />
        <PasswordInput label={texts.signIn.newPassword} autoComplete="new-password" value={fresh} error={fields["new_password"]} onChange={(event) => setFresh(event.currentTarget.value)} />
        <PasswordInput label={texts.signIn.repeat} autoComplete="new-password" value={again} error={differ ? texts.signIn.differ : undefined} onChange={(event) => setAgain(event.currentTarget.value)} />
        <Button type="submit" fullWidth loading={change.isPending} disabled={old === "" || fresh === "" || fresh !== again || !me.data}>
          {texts.signIn.change}
        </Button>
      </form>
    </Door>
  );
};
