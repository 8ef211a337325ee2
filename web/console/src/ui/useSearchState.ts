/** Small client state lives in the address, so that a link shows the same. */
import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";

type Values = Record<string, string | readonly string[] | null>;

export const useSearchState = (): [URLSearchParams, (values: Values, replace?: boolean) => void] => {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (values: Values, replace = true): void => {
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          for (const [name, value] of Object.entries(values)) {
            next.delete(name);
            for (const one of typeof value === "string" ? [value] : (value ?? [])) if (one !== "") next.append(name, one);
          }
          return next;
        },
        { replace, preventScrollReset: true },
      );
    },
    [setParams],
  );
  return useMemo(() => [params, set], [params, set]);
};
