/**
 * One way to the API: same origin, the cookie of the console, and the token against cross-site calls that `GET /me`
 * and `POST /sign-in` answer. Nothing here knows a noun.
 */
import { ApiProblem } from "./problem";

const BASE = "/api/v1";

export type Scalar = string | number | boolean;
export type Query = Readonly<Record<string, Scalar | readonly Scalar[] | null | undefined>>;

let csrfToken = "";

export const rememberCsrfToken = (token: string): void => {
  csrfToken = token;
};

/** The address of a call; empty and absent parameters are left out, lists repeat. */
export const address = (path: string, query: Query = {}): string => {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar | null | undefined];
    for (const one of values) if (one !== undefined && one !== null && one !== "") params.append(name, String(one));
  }
  const text = params.toString();
  return `${BASE}${path}${text === "" ? "" : `?${text}`}`;
};

const call = async <T>(method: string, path: string, query?: Query, body?: unknown, signal?: AbortSignal): Promise<T> => {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-Chaperone-Csrf"] = csrfToken;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(address(path, query), {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw ApiProblem.unreachable();
  }
  if (!response.ok) throw await ApiProblem.of(response);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
};

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> => call<T>("GET", path, query, undefined, signal);
export const post = <T = void>(path: string, body?: unknown): Promise<T> => call<T>("POST", path, undefined, body);
export const patch = <T>(path: string, body: unknown): Promise<T> => call<T>("PATCH", path, undefined, body);
export const remove = (path: string): Promise<void> => call("DELETE", path);
