import { createBrowserRouter, Navigate } from "react-router";

import { isOnlyUser } from "./can";
import { PageFailed } from "./components/PageFailed";
import { Shell } from "./components/Shell";
import { useMe } from "./components/useMe";
import { patterns, paths } from "./paths";

const Home = () => <Navigate to={isOnlyUser(useMe()) ? paths.myAccess : paths.privilegedSessions()} replace />;

export const router = createBrowserRouter([
  {
    errorElement: <PageFailed />,
    // Nothing is drawn before the first page is there: it comes within a frame or two.
    HydrateFallback: () => null,
    children: [
      { path: patterns.signIn, lazy: async () => ({ Component: (await import("./pages/sign-in/SignIn")).SignIn }) },
      { path: patterns.changePassword, lazy: async () => ({ Component: (await import("./pages/sign-in/ChangePassword")).ChangePassword }) },
      {
        Component: Shell,
        children: [
          {
            errorElement: <PageFailed />,
            children: [
              { index: true, Component: Home },
              { path: patterns.privilegedSessions, lazy: async () => ({ Component: (await import("./pages/privileged-sessions/ListPage")).ListPage }) },
              { path: patterns.newPrivilegedSession, lazy: async () => ({ Component: (await import("./pages/privileged-sessions/NewPage")).NewPage }) },
              { path: patterns.privilegedSession, lazy: async () => ({ Component: (await import("./pages/privileged-sessions/SessionPage")).SessionPage }) },
              { path: patterns.recording, lazy: async () => ({ Component: (await import("./pages/recordings/RecordingPage")).RecordingPage }) },
              { path: patterns.myAccess, lazy: async () => ({ Component: (await import("./pages/my-access/MyAccessPage")).MyAccessPage }) },
              { path: patterns.open, lazy: async () => ({ Component: (await import("./pages/my-access/OpenPage")).OpenPage }) },
              { path: patterns.users, lazy: async () => ({ Component: (await import("./pages/users/UsersPage")).UsersPage }) },
              { path: patterns.accounts, lazy: async () => ({ Component: (await import("./pages/accounts/AccountsPage")).AccountsPage }) },
              { path: patterns.directories, lazy: async () => ({ Component: (await import("./pages/directories/DirectoriesPage")).DirectoriesPage }) },
              { path: patterns.newDirectory, lazy: async () => ({ Component: (await import("./pages/directories/NewDirectoryPage")).NewDirectoryPage }) },
              { path: patterns.directory, lazy: async () => ({ Component: (await import("./pages/directories/DirectoryPage")).DirectoryPage }) },
              { path: patterns.directoryGuide, lazy: async () => ({ Component: (await import("./pages/directories/GuidePage")).GuidePage }) },
              { path: patterns.targets, lazy: async () => ({ Component: (await import("./pages/targets/TargetsPage")).TargetsPage }) },
              { path: patterns.organization, lazy: async () => ({ Component: (await import("./pages/organization/OrganizationPage")).OrganizationPage }) },
              { path: patterns.auditSettings, lazy: async () => ({ Component: (await import("./pages/organization/AuditSettingsPage")).AuditSettingsPage }) },
              { path: patterns.apiTokens, lazy: async () => ({ Component: (await import("./pages/api-tokens/ApiTokensPage")).ApiTokensPage }) },
              { path: patterns.signIns, lazy: async () => ({ Component: (await import("./pages/sign-ins/SignInsPage")).SignInsPage }) },
              { path: patterns.audit, lazy: async () => ({ Component: (await import("./pages/audit/AuditPage")).AuditPage }) },
              { path: patterns.scheduledExports, lazy: async () => ({ Component: (await import("./pages/scheduled-exports/ScheduledExportsPage")).ScheduledExportsPage }) },
              { path: patterns.newScheduledExport, lazy: async () => ({ Component: (await import("./pages/scheduled-exports/NewPage")).NewPage }) },
              { path: patterns.scheduledExport, lazy: async () => ({ Component: (await import("./pages/scheduled-exports/ScheduledExportPage")).ScheduledExportPage }) },
              { path: patterns.eventStreams, lazy: async () => ({ Component: (await import("./pages/event-streams/EventStreamsPage")).EventStreamsPage }) },
              { path: "*", lazy: async () => ({ Component: (await import("./components/NotFound")).NotFound }) },
            ],
          },
        ],
      },
    ],
  },
]);
