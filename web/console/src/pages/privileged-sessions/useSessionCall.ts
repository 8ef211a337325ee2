import { useMutation, useQueryClient } from "@tanstack/react-query";

import { isProblem } from "../../api/problem";
import * as queries from "../../api/queries";
import type { PrivilegedSession } from "../../api/types";
import { tell } from "../../components/tell";

interface Options<Input> {
  id: string;
  call: (input: Input) => Promise<PrivilegedSession>;
  done: string;
  onDone: () => void;
}

/** A change of a session: its answer is shown at once; a stale version looks again so that the reader sees the new state. */
export const useSessionCall = <Input = void>({ id, call, done, onDone }: Options<Input>) => {
  const client = useQueryClient();
  return useMutation({
    mutationFn: call,
    onSuccess: (session) => {
      client.setQueryData(queries.session(id).queryKey, session);
      void client.invalidateQueries({ queryKey: ["privileged_session"] });
      void client.invalidateQueries({ queryKey: ["me"] });
      tell(done);
      onDone();
    },
    onError: (error) => {
      if (isProblem(error, 409)) void client.invalidateQueries({ queryKey: ["privileged_session"] });
    },
  });
};
