import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";

import * as calls from "../../api/calls";
import { rememberCsrfToken } from "../../api/client";
import { ProblemNote } from "../../components/ProblemNote";
import { isClientPath, paths, safeThen } from "../../paths";
import { texts } from "../../texts";
import { Door } from "./Door";

export const SignIn = () => {
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [userName, setUserName] = useState("");
  const [password, setPassword] = useState("");
  const then = safeThen(params.get("then"));

  const enter = useMutation({
    mutationFn: () => calls.signIn(userName, password),
    onSuccess: async ({ user, csrf_token }) => {
      client.clear();
      rememberCsrfToken(csrf_token);
      if (user.password_must_change) await navigate(paths.changePassword(then), { replace: true });
      else if (isClientPath(then)) await navigate(then, { replace: true });
      else window.location.replace(then);
    },
    onError: () => setPassword(""),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    enter.mutate();
  };

  return (
    <Door title={texts.signIn.title} lead={texts.signIn.why}>
      <form className="form" onSubmit={submit}>
        {enter.error && <ProblemNote error={enter.error} />}
        <TextInput label={texts.signIn.userName} name="username" autoComplete="username" autoCapitalize="none" autoFocus value={userName} onChange={(event) => setUserName(event.currentTarget.value)} />
        <PasswordInput label={texts.signIn.password} name="password" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
        <Button type="submit" fullWidth loading={enter.isPending} disabled={userName === "" || password === ""}>
          {texts.signIn.submit}
        </Button>
      </form>
    </Door>
  );
};
