/**
 * What the API answers when it refuses: problem details (RFC 9457), as an error that knows its rule and its fields.
 */
export interface FieldProblem {
  field: string;
  detail: string;
}

interface ProblemDetails {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: FieldProblem[];
}

/** No answer came at all. */
export const UNREACHABLE = "unreachable";

export class ApiProblem extends Error {
  override readonly name = "ApiProblem";

  constructor(
    readonly status: number,
    /** The stable name of the rule: the end of the problem's `type`. */
    readonly rule: string,
    readonly title: string,
    readonly detail: string,
    readonly fields: FieldProblem[] = [],
  ) {
    super(detail === "" ? title : detail);
  }

  static async of(response: Response): Promise<ApiProblem> {
    const details = await response.json().then(
      (body: unknown) => (typeof body === "object" && body !== null ? (body as ProblemDetails) : {}),
      () => ({}) as ProblemDetails,
    );
    const rule = details.type?.split("/").pop() ?? "";
    const title = details.title ?? `The server answered ${response.status}.`;
    return new ApiProblem(response.status, rule, title, details.detail ?? "", details.errors ?? []);
  }

  static unreachable(): ApiProblem {
    return new ApiProblem(0, UNREACHABLE, "The server cannot be reached.", "Check the connection; nothing was changed by this call as far as is known.");
  }

  /** Texts by field name, for a form. */
  byField(): Record<string, string> {
    return Object.fromEntries(this.fields.map(({ field, detail }) => [field, detail]));
  }
}

/** Any error as a sentence for the reader. */
export const sentenceOf = (error: unknown): string =>
  error instanceof ApiProblem ? error.message : "Something went wrong in this page. Reload it and try again.";

export const isProblem = (error: unknown, status: number): error is ApiProblem => error instanceof ApiProblem && error.status === status;
