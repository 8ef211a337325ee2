/** The guide about directories (`docs/directories.md`) and its sections. */
import type { AddedKind } from "../../texts-directories";

/** The section about a kind, by the heading that it has there. */
const HEADINGS: Record<AddedKind, string> = {
  postgresql: "PostgreSQL roles", linux: "Linux accounts", ldap: "LDAP: OpenLDAP and Active Directory", scim: "SCIM 2.0", dataverse: "Dataverse", entra: "Microsoft Entra ID",
};

/** The address of a heading within its page. */
export const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");

export const sectionOf = (kind: AddedKind): string => anchorOf(HEADINGS[kind]);

export const headings = HEADINGS;
