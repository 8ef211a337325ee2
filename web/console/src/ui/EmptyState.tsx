import type { ReactNode } from "react";

interface Props {
  title: string;
  hint?: string;
  children?: ReactNode;
}

/** Says that there is nothing, and what to do then. */
export const EmptyState = ({ title, hint, children }: Props) => (
  <div className="empty">
    <p className="empty-title">{title}</p>
    {hint !== undefined && <p className="empty-hint">{hint}</p>}
    {children}
  </div>
);
