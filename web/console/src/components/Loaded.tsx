/** Shows a query: skeleton while it loads, the reason when it fails, the content when it is there. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { isProblem } from "../api/problem";
import { texts } from "../texts";
import { EmptyState } from "../ui/EmptyState";
import { ProblemNote } from "./ProblemNote";

interface Props<T> {
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
}

export const Loaded = <T,>({ query, children }: Props<T>) => {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (isProblem(query.error, 404)) return <EmptyState title={texts.common.notFound} hint={texts.common.notFoundHint} />;
  if (query.error) return <ProblemNote error={query.error} onRetry={() => void query.refetch()} />;
  return <Skeleton />;
};

export const Skeleton = ({ lines = 5 }: { lines?: number }) => (
  <div role="status" aria-label={texts.common.loading}>
    {Array.from({ length: lines }, (_line, line) => (
      <span key={line} className="skeleton" data-block />
    ))}
  </div>
);
