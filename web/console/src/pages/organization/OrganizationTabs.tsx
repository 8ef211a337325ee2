import { Tabs } from "@mantine/core";
import { useNavigate } from "react-router";

import { paths } from "../../paths";
import { texts } from "../../texts";

const TABS = { general: { path: paths.organization, label: texts.auditSettings.general }, audit: { path: paths.auditSettings, label: texts.auditSettings.tab } } as const;

/** The pages of the organization; each has an address of its own. */
export const OrganizationTabs = ({ at }: { at: keyof typeof TABS }) => {
  const navigate = useNavigate();
  return (
    <Tabs value={at} mb={18} onChange={(tab) => tab !== null && void navigate(TABS[tab as keyof typeof TABS].path)}>
      <Tabs.List aria-label={texts.organization.title}>
        {Object.entries(TABS).map(([tab, { label }]) => (
          <Tabs.Tab key={tab} value={tab}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
    </Tabs>
  );
};
