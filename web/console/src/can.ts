/**
 * Who may do what, as far as the console needs to know before it asks. The server decides; each helper names the rule
 * there, and what a session allows comes with the session itself (`allowed_actions`, `refused_actions`).
 */
import type { Action, Me, PrivilegedSession, Role } from "./api/types";
import { texts } from "./texts";

export type Permission = { allowed: true } | { allowed: false; reason: string };

const YES: Permission = { allowed: true };
const no = (reason: string): Permission => ({ allowed: false, reason });

const has = (me: Me, ...roles: Role[]): boolean => roles.some((role) => me.user.roles.includes(role));
const needs = (me: Me, reason: string, ...roles: Role[]): Permission => (has(me, ...roles) ? YES : no(reason));

/** Server: `privileged_session::rules::may_see`. Those without these roles see only what is theirs. */
export const seesAllSessions = (me: Me): boolean => has(me, "system_administrator", "approver", "auditor");

/** Whether somebody comes only to use sessions: their home is *My access*. */
export const isOnlyUser = (me: Me): boolean => !seesAllSessions(me);

/** Server: `Request::problems`, rule `not-your-account`: others ask only for accounts that they own. */
export const requestForAnyAccount = (me: Me): Permission => needs(me, texts.can.ownAccountsOnly, "system_administrator");

/** Server: `Request::problems`, rule `account-without-owner` and `not-your-account`. */
export const requestSession = (me: Me): Permission => (has(me, "system_administrator") || me.accounts.length > 0 ? YES : no(texts.can.noAccount));

/** Server: reading users, accounts, targets and directories needs one of the roles that work with all sessions. */
export const seeUsers = (me: Me): Permission => needs(me, texts.can.administratorOrAuditor, "system_administrator", "auditor", "approver");
export const seeAccounts = seeUsers;
export const seeDirectories = seeUsers;
export const seeTargets = seeUsers;
export const seeOrganization = seeUsers;

/** Server: changing them is the system administrator's. */
export const manageUsers = (me: Me): Permission => needs(me, texts.can.administratorOnly, "system_administrator");
export const manageAccounts = manageUsers;
export const manageDirectories = manageUsers;
export const manageTargets = manageUsers;
export const manageOrganization = manageUsers;
export const endSignIns = manageUsers;
export const retryNotifications = manageUsers;
export const testEventStreams = manageUsers;
export const manageExports = manageUsers;

/** Server: sign-ins of others and the trail are for system administrators and auditors. */
export const seeSignIns = (me: Me): Permission => needs(me, texts.can.administratorOrAuditor, "system_administrator", "auditor");
export const seeAudit = seeSignIns;
export const seeExports = seeSignIns;
export const seeEventStreams = seeSignIns;

/** Server: a recording is read by system administrators and auditors, and each viewing is an audit event. */
export const playRecordings = (me: Me): Permission => needs(me, texts.can.playRecordings, "system_administrator", "auditor");

/** Server: `Facts::may`; null when the state does not offer the action at all. */
export const act = (session: PrivilegedSession, action: Action): Permission | null => {
  if (session.allowed_actions.includes(action)) return YES;
  const refused = session.refused_actions.find((one) => one.action === action);
  return refused ? no(refused.detail) : null;
};

/** Server: the last active system administrator can be neither deactivated nor stripped of the role; oneself is warned. */
export const deactivate = (me: Me, userId: string): Permission => {
  const manage = manageUsers(me);
  if (!manage.allowed) return manage;
  return userId === me.user.id ? no(texts.can.notYourself) : YES;
};
