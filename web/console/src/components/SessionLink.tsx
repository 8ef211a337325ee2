import { Link } from "react-router";

import { paths } from "../paths";
import { texts } from "../texts";

/** To the privileged session that something happened in. */
export const SessionLink = ({ id }: { id: string }) => (
  <Link to={paths.privilegedSession(id)} className="nowrap">
    {texts.audit.session} <span className="mono">{id.slice(-6)}</span>
  </Link>
);
