/** What stands around every page: the way through the console, who is signed in, and whether the page is live. */
import { Drawer } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconMenu2 } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Suspense, useEffect } from "react";
import { Navigate, Outlet, useLocation } from "react-router";

import { rememberCsrfToken } from "../api/client";
import { useLive } from "../api/live";
import { isProblem } from "../api/problem";
import * as queries from "../api/queries";
import { paths } from "../paths";
import { texts } from "../texts";
import { ExportTray } from "./ExportTray";
import { Skeleton } from "./Loaded";
import { MeContext } from "./useMe";
import { Navigation } from "./Navigation";
import { ProblemNote } from "./ProblemNote";
import classes from "./Shell.module.css";
import { Wordmark } from "./Wordmark";

export const Shell = () => {
  const client = useQueryClient();
  const location = useLocation();
  const me = useQuery(queries.me());
  const signedIn = me.data !== undefined && !isProblem(me.error, 401);
  const liveness = useLive(client, signedIn);
  const [menuOpen, menu] = useDisclosure(false);
  const closeMenu = menu.close;
  const here = location.pathname + location.search;

  // Before any child asks for something that changes state.
  if (me.data) rememberCsrfToken(me.data.csrf_token);
  useEffect(() => closeMenu(), [here, closeMenu]);

  if (isProblem(me.error, 401)) return <Navigate to={paths.signIn(here === paths.home ? undefined : here)} replace />;
  if (!me.data)
    return (
      <div className={classes["frame"]}>
        <div className={classes["side"]} aria-hidden />
        <main className={classes["main"]}>
          <div style={{ padding: 28 }}>{me.error ? <ProblemNote error={me.error} onRetry={() => void me.refetch()} /> : <Skeleton />}</div>
        </main>
      </div>
    );
  if (me.data.user.password_must_change) return <Navigate to={paths.changePassword(here)} replace />;

  const navigation = <Navigation me={me.data} liveness={liveness} />;
  return (
    <MeContext value={me.data}>
      <a href="#content" className={classes["skip"]}>
        {texts.nav.skip}
      </a>
      <div className={classes["frame"]}>
        <div className={classes["side"]}>{navigation}</div>
        <div className={classes["top"]}>
          <button type="button" className="icon-button" aria-label={texts.nav.menu} aria-expanded={menuOpen} onClick={menu.open}>
            <IconMenu2 size={20} />
          </button>
          <Wordmark size={20} />
          <span className={classes["top-organization"]}>{me.data.organization_name}</span>
        </div>
        <Drawer opened={menuOpen} onClose={menu.close} size={264} padding={0} withCloseButton={false} title={undefined} attributes={{ content: { "aria-label": texts.nav.main } }} hiddenFrom="sm">
          <div className={classes["drawer"]}>{navigation}</div>
        </Drawer>
        <main className={classes["main"]} id="content" tabIndex={-1}>
          <Suspense fallback={<div style={{ padding: 28 }}><Skeleton /></div>}>
            <Outlet />
          </Suspense>
        </main>
        <ExportTray />
      </div>
    </MeContext>
  );
};
