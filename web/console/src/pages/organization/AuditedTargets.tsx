/** Which applications are audited: accesses to the others are not recorded, whatever the organization says. */
import { Switch } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";

import * as calls from "../../api/calls";
import * as queries from "../../api/queries";
import type { Organization, Target } from "../../api/types";
import * as can from "../../can";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { Loaded } from "../../components/Loaded";
import { tell } from "../../components/tell";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Section } from "../../ui/Page";

const words = texts.auditSettings;

/** What is audited or not: a target, or Chaperone itself. */
interface Audited {
  id: string;
  name: string;
  where: string;
  audited: boolean;
  change: (audited: boolean) => Promise<unknown>;
  starts: string;
  stops: string;
}

const columns = (mayChange: boolean, ask: (row: Audited) => void): Column<Audited>[] => [
  {
    id: "name",
    header: words.target,
    grow: true,
    cell: ({ name, where }) => (
      <span>
        <span className="strong">{name}</span> <span className="soft small">{where}</span>
      </span>
    ),
  },
  {
    id: "audited",
    header: words.audited,
    cell: (row) => <Switch aria-label={words.auditedOf(row.name)} label={row.audited ? texts.common.yes : texts.common.no} checked={row.audited} disabled={!mayChange} onChange={() => ask(row)} />,
  },
];

export const AuditedTargets = ({ organization }: { organization: Organization }) => {
  const targets = useQuery(queries.targets());
  const manage = can.manageTargets(useMe());
  const client = useQueryClient();
  const [asked, setAsked] = useState<Audited | null>(null);
  return (
    <Section title={words.targets} aside={<Link to={paths.targets}>{texts.targets.title}</Link>}>
      {!(organization.isauditenabled && organization.isuseraccessauditenabled) && <p style={{ color: "var(--tone-warn)" }}>{words.auditingOff}</p>}
      <Loaded query={targets}>{(found) => <DataTable caption={words.targets} columns={columns(manage.allowed, setAsked)} rows={[itself(organization), ...found.map(ofTarget)]} rowId={({ id }) => id} empty={<EmptyState title={words.noTargets} hint={words.noTargetsHint} />} />}</Loaded>
      {asked !== null && (
        <ConfirmDialog
          title={words.auditedOf(asked.name)}
          why={asked.audited ? asked.stops : asked.starts}
          action={words.save}
          danger={asked.audited}
          perform={() => asked.change(!asked.audited)}
          onClose={() => setAsked(null)}
          onDone={() => {
            setAsked(null);
            tell(texts.common.saved);
            for (const noun of ["target", "organization", "audit-event"]) void client.invalidateQueries({ queryKey: [noun] });
          }}
        />
      )}
    </Section>
  );
};

const itself = (organization: Organization): Audited => ({
  id: "console",
  name: words.console.label,
  where: words.console.name,
  audited: organization.console_audit_enabled,
  change: (audited) => calls.changeOrganization({ console_audit_enabled: audited, version: organization.version }),
  starts: words.consequence.consoleStarts,
  stops: words.consequence.consoleStops,
});

const ofTarget = ({ id, name, host, audit_enabled }: Target): Audited => ({
  id,
  name,
  where: host,
  audited: audit_enabled,
  change: (audited) => calls.changeTarget(id, { audit_enabled: audited }),
  starts: words.consequence.targetStarts(name),
  stops: words.consequence.targetStops(name),
});
