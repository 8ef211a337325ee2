import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import * as queries from "../../api/queries";
import type { Target } from "../../api/types";
import * as can from "../../can";
import { ProblemNote } from "../../components/ProblemNote";
import { useMe } from "../../components/useMe";
import { texts } from "../../texts";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { RefusableButton } from "../../ui/RefusableButton";
import { TargetDialog } from "./TargetDialog";

const columnsFor = (edit: (target: Target) => void): Column<Target>[] => [
  {
    id: "name",
    header: texts.targets.name,
    cell: (target) => (
      <button type="button" className="link-button" onClick={() => edit(target)}>
        {target.name}
      </button>
    ),
  },
  { id: "host", header: texts.targets.host, cell: (target) => <span className="mono">{target.host}</span> },
  { id: "upstream", header: texts.targets.upstream, grow: true, cell: (target) => <span className="mono soft">{target.upstream}</span> },
  { id: "identity", header: texts.targets.identity, cell: (target) => <span title={texts.identity[target.identity].meaning}>{texts.identity[target.identity].label}</span> },
  { id: "recording", header: texts.targets.recording, cell: (target) => <span title={texts.targetRecording[target.recording].meaning}>{texts.targetRecording[target.recording].label}</span> },
  { id: "audit", header: texts.targets.audit, wideOnly: true, cell: (target) => (target.audit_enabled ? texts.common.yes : texts.common.no) },
];

export const TargetsPage = () => {
  const manage = can.manageTargets(useMe());
  const [edited, setEdited] = useState<Target | "new" | null>(null);
  const targets = useQuery(queries.targets());
  return (
    <Page
      title={texts.targets.title}
      product={texts.product}
      actions={
        <RefusableButton refusal={manage.allowed ? null : manage.reason} leftSection={<IconPlus size={16} />} onClick={() => setEdited("new")}>
          {texts.targets.new}
        </RefusableButton>
      }
    >
      {targets.error && !targets.data ? (
        <ProblemNote error={targets.error} onRetry={() => void targets.refetch()} />
      ) : (
        <DataTable caption={texts.targets.caption} columns={columnsFor(setEdited)} rows={targets.data} rowId={(target) => target.id} onOpen={setEdited} empty={<EmptyState title={texts.targets.empty} hint={texts.targets.emptyHint} />} />
      )}
      {edited !== null && <TargetDialog target={edited === "new" ? null : edited} onClose={() => setEdited(null)} />}
    </Page>
  );
};
