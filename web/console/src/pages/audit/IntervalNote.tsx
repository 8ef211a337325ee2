import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import * as queries from "../../api/queries";
import { paths } from "../../paths";
import { texts } from "../../texts";
import classes from "./Audit.module.css";

/** By which rule access records are written, because there are fewer of them than accesses. */
export const IntervalNote = () => {
  const { data } = useQuery(queries.organization());
  if (data === undefined) return null;
  const on = data.isauditenabled && data.isuseraccessauditenabled;
  return (
    <p className={classes["interval"]}>
      <span className={on ? "soft" : undefined} style={on ? undefined : { color: "var(--tone-warn)" }}>
        {on ? texts.audit.access.interval(data.useraccessauditinginterval) : texts.audit.access.off}
      </span>
      <Link className="text-link" to={paths.auditSettings}>
        {texts.audit.access.settings}
      </Link>
    </p>
  );
};
