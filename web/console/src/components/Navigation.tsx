import { Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import {
  IconBroadcast, IconBuilding, IconCalendarTime, IconClipboardList, IconDeviceDesktop, IconDoorEnter, IconHistory, IconFolders, IconKey, IconLogout, IconMoon, IconPassword, IconSelector, IconServer2, IconShieldLock,
  IconSun, IconTerminal2, IconUsers,
} from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ComponentType, ReactNode } from "react";
import { Link, NavLink, useNavigate } from "react-router";

import * as calls from "../api/calls";
import type { Liveness } from "../api/live";
import type { Me } from "../api/types";
import * as can from "../can";
import { paths } from "../paths";
import { texts } from "../texts";
import { forgetExports } from "./export-stream";
import classes from "./Navigation.module.css";
import { tellProblem } from "./tell";
import { Wordmark } from "./Wordmark";

interface Props {
  me: Me;
  liveness: Liveness;
}

export const Navigation = ({ me, liveness }: Props) => (
  <div className={classes["navigation"]}>
    <div className={classes["head"]}>
      <Link to={paths.home} className={classes["home"]}>
        <Wordmark />
      </Link>
      <span className={classes["organization"]}>{me.organization_name}</span>
    </div>
    <nav aria-label={texts.nav.main} className={classes["links"]}>
      <Group title={texts.nav.work}>
        <Item to={paths.myAccess} icon={IconDoorEnter} label={texts.nav.myAccess} count={me.privileged_sessions.filter((one) => one.status === "Active").length} />
        <Item to={paths.privilegedSessions()} icon={IconShieldLock} label={texts.nav.sessions} />
      </Group>
      {can.seeSignIns(me).allowed && (
        <Group title={texts.nav.evidence}>
          <Item to={paths.signIns()} icon={IconHistory} label={texts.nav.signIns} />
          <Item to={paths.audit()} icon={IconClipboardList} label={texts.nav.audit} />
          <Item to={paths.scheduledExports} icon={IconCalendarTime} label={texts.nav.scheduledExports} />
          <Item to={paths.eventStreams} icon={IconBroadcast} label={texts.nav.eventStreams} />
        </Group>
      )}
      {can.seeUsers(me).allowed && (
        <Group title={texts.nav.manage}>
          <Item to={paths.users} icon={IconUsers} label={texts.nav.users} />
          <Item to={paths.directories} icon={IconFolders} label={texts.nav.directories} />
          <Item to={paths.accounts()} icon={IconKey} label={texts.nav.accounts} />
          <Item to={paths.targets} icon={IconServer2} label={texts.nav.targets} />
          <Item to={paths.organization} icon={IconBuilding} label={texts.nav.organization} />
        </Group>
      )}
    </nav>
    <div className={classes["foot"]}>
      <div className={classes["foot-row"]}>
        <Tooltip label={texts.nav.liveMeaning[liveness]} multiline maw={260} withArrow>
          <span className={classes["live"]} data-liveness={liveness} role="status">
            {texts.nav.live[liveness]}
          </span>
        </Tooltip>
        <SchemeSwitch />
      </div>
      <PersonMenu me={me} />
    </div>
  </div>
);

const Group = ({ title, children }: { title: string; children: ReactNode }) => (
  <div className={classes["group"]}>
    <p className={classes["group-title"]}>{title}</p>
    <ul>{children}</ul>
  </div>
);

interface ItemProps {
  to: string;
  icon: ComponentType<{ size?: number; stroke?: number }>;
  label: string;
  count?: number;
}

const Item = ({ to, icon: Icon, label, count = 0 }: ItemProps) => (
  <li>
    <NavLink to={to} className={classes["link"] ?? ""}>
      <Icon size={17} stroke={1.6} />
      <span>{label}</span>
      {count > 0 && <span className={classes["count"]}>{count}</span>}
    </NavLink>
  </li>
);

const NEXT_SCHEME = { auto: "light", light: "dark", dark: "auto" } as const;
const SCHEME_ICON = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon } as const;

const SchemeSwitch = () => {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Icon = SCHEME_ICON[colorScheme];
  const label = texts.nav.scheme[colorScheme];
  return (
    <Tooltip label={label} withArrow>
      <button type="button" className="icon-button" aria-label={label} onClick={() => setColorScheme(NEXT_SCHEME[colorScheme])}>
        <Icon size={16} stroke={1.6} />
      </button>
    </Tooltip>
  );
};

const PersonMenu = ({ me }: { me: Me }) => {
  const navigate = useNavigate();
  const client = useQueryClient();
  const leave = useMutation({
    mutationFn: calls.signOut,
    onSuccess: () => {
      client.clear();
      void forgetExports();
      void navigate(paths.signIn());
    },
    onError: tellProblem,
  });
  return (
    <Menu position="top-start" width={204}>
      <Menu.Target>
        <button type="button" className={classes["person"]}>
          <span className={classes["initials"]} aria-hidden>
            {initials(me.user.display_name || me.user.user_name)}
          </span>
          <span className={classes["names"]}>
            <span>{me.user.display_name || me.user.user_name}</span>
            <span className={classes["role"]}>{me.user.roles.map((role) => texts.role[role].label).join(", ")}</span>
          </span>
          <IconSelector size={14} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconTerminal2 size={15} />} component={Link} to={paths.apiTokens}>
          {texts.nav.apiTokens}
        </Menu.Item>
        <Menu.Item leftSection={<IconPassword size={15} />} component={Link} to={paths.changePassword()}>
          {texts.nav.changePassword}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => leave.mutate()}>
          {texts.nav.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
};

const initials = (name: string): string =>
  name
    .split(/[\s.\-_]+/)
    .slice(0, 2)
    .map((part) => part.charAt(0).toUpperCase())
    .join("");
