import { useCallback, useState } from "react";

export type Errors<Values> = Partial<Record<keyof Values | string, string>>;

/** The fields of a form with what is wrong with each; a changed field is no longer wrong. */
export const useFields = <Values extends object>(initial: Values) => {
  const [values, setValues] = useState(initial);
  const [errors, setErrors] = useState<Errors<Values>>({});
  const set = useCallback((changed: Partial<Values>): void => {
    setValues((old) => ({ ...old, ...changed }));
    setErrors((old) => Object.fromEntries(Object.entries(old).filter(([name]) => !(name in changed))) as Errors<Values>);
  }, []);
  return { values, set, errors, setErrors };
};
