import { useMutation, useQueryClient } from "@tanstack/react-query";

import { texts } from "../texts";
import { tell } from "./tell";

/** Saves a form of settings: looks again at what it changed, says so, and goes on. */
export const useSaved = <Input, Output>(call: (input: Input) => Promise<Output>, noun: string, onDone: (output: Output) => void) => {
  const client = useQueryClient();
  return useMutation({
    mutationFn: call,
    onSuccess: (output) => {
      void client.invalidateQueries({ queryKey: [noun] });
      void client.invalidateQueries({ queryKey: ["me"] });
      tell(texts.common.saved);
      onDone(output);
    },
  });
};
