import { ApiProblem } from "../api/problem";

/** What a refused form says at its fields; the rest is for the whole form. */
export const formErrors = (error: unknown): Record<string, string> => (error instanceof ApiProblem ? error.byField() : {});

/** Whether every part of the refusal is shown at a field that the form has. */
export const isShownAtFields = (error: unknown, fields: readonly string[]): boolean =>
  error instanceof ApiProblem && error.fields.length > 0 && error.fields.every(({ field }) => fields.includes(field));
