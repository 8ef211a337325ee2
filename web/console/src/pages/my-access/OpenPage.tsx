import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "react-router";

import * as queries from "../../api/queries";
import * as can from "../../can";
import { Loaded } from "../../components/Loaded";
import { OpenForm } from "../../components/OpenDialog";
import { SessionWindow } from "../../components/SessionWindow";
import { StatusBadge } from "../../components/StatusBadge";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { Page } from "../../ui/Page";

/** Where a mail leads: the same consent as on *My access*, as a page of its own. */
export const OpenPage = () => {
  const { id = "" } = useParams();
  const navigate = useNavigate();
  const query = useQuery(queries.session(id));
  return (
    <Page narrow title={texts.open.title} product={texts.product} trail={<Link to={paths.myAccess}>{texts.myAccess.title}</Link>}>
      <Loaded query={query}>
        {(session) => {
          const open = can.act(session, "Open");
          return (
            <div className="form" style={{ maxWidth: 520 }}>
              <div className="row">
                <span className="strong">{session.account.name}</span>
                <StatusBadge status={session.status} />
              </div>
              <SessionWindow session={session} large />
              {open?.allowed ? (
                <OpenForm session={session} onClose={() => void navigate(paths.myAccess)} />
              ) : (
                <div className="note" data-tone="warn">
                  <p>
                    {texts.open.notOpen} {open ? open.reason : texts.statusMeaning[session.status]}
                  </p>
                </div>
              )}
            </div>
          );
        }}
      </Loaded>
    </Page>
  );
};
