/** The frame of the pages outside the console. */
import { type ReactNode, useEffect } from "react";

import { Wordmark } from "../../components/Wordmark";
import { texts } from "../../texts";
import classes from "./Door.module.css";

interface Props {
  title: string;
  lead: string;
  children: ReactNode;
}

export const Door = ({ title, lead, children }: Props) => {
  useEffect(() => {
    document.title = `${title} · ${texts.product}`;
  }, [title]);
  return (
    <main className={classes["door"]}>
      <div className={classes["card"]}>
        <Wordmark size={26} />
        <h1 className={classes["title"]}>{title}</h1>
        <p className={classes["lead"]}>{lead}</p>
        {children}
      </div>
      <p className={classes["motto"]}>{texts.motto}</p>
    </main>
  );
};
