import type { ReactNode } from "react";
import { useEffect } from "react";

import classes from "./Page.module.css";

interface Props {
  title: string;
  /** What the browser's tab says beside the product. */
  product: string;
  /** Beside the title. */
  actions?: ReactNode;
  /** Before the title, small. */
  trail?: ReactNode;
  /** Under the title. */
  lead?: ReactNode;
  /** Reading width for forms. */
  narrow?: boolean;
  children: ReactNode;
}

/** One page: one `h1`, its actions, its content. */
export const Page = ({ title, product, actions, trail, lead, narrow = false, children }: Props) => {
  useEffect(() => {
    document.title = `${title} · ${product}`;
  }, [title, product]);
  return (
    <div className={classes["page"]} data-narrow={narrow || undefined}>
      <header className={classes["header"]}>
        <div className={classes["titles"]}>
          {trail !== undefined && <div className={classes["trail"]}>{trail}</div>}
          <h1 className={classes["title"]}>{title}</h1>
          {lead !== undefined && <div className={classes["lead"]}>{lead}</div>}
        </div>
        {actions !== undefined && <div className={classes["actions"]}>{actions}</div>}
      </header>
      {children}
    </div>
  );
};

export const Section = ({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) => (
  <section className={classes["section"]} aria-label={title}>
    <div className={classes["section-head"]}>
      <h2 className={classes["section-title"]}>{title}</h2>
      {aside}
    </div>
    {children}
  </section>
);
