import { Button } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

import { ApiProblem, sentenceOf } from "../api/problem";
import { texts } from "../texts";

interface Props {
  error: unknown;
  onRetry?: () => void;
}

/** A refusal or a failure: what it is, which rule, and what to do. */
export const ProblemNote = ({ error, onRetry }: Props) => (
  <div className="note" data-tone="warn" role="alert">
    <IconAlertTriangle size={18} aria-hidden />
    <div className="stack">
      {error instanceof ApiProblem && error.detail !== "" && <p className="strong">{error.title}</p>}
      <p>{sentenceOf(error)}</p>
      {onRetry && (
        <div>
          <Button variant="default" onClick={onRetry} mt={6}>
            {texts.common.retry}
          </Button>
        </div>
      )}
    </div>
  </div>
);
