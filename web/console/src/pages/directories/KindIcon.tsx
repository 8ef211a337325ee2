import { IconBinaryTree2, IconBrandAzure, IconBuilding, IconDatabase, IconHierarchy, IconTerminal2, IconUsersGroup } from "@tabler/icons-react";

import type { DirectoryKind } from "../../api/types";

const ICONS: Record<DirectoryKind, typeof IconDatabase> = {
  built_in: IconBuilding, postgresql: IconDatabase, ldap: IconHierarchy, scim: IconUsersGroup, dataverse: IconBinaryTree2, entra: IconBrandAzure, linux: IconTerminal2,
};

export const KindIcon = ({ kind, size = 17 }: { kind: DirectoryKind; size?: number }) => {
  const Icon = ICONS[kind];
  return <Icon size={size} stroke={1.6} aria-hidden />;
};
