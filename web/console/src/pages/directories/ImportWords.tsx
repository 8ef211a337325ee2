import { IconAlertTriangle, IconCircleCheck, IconRefresh } from "@tabler/icons-react";

import type { AccountImport } from "../../api/types";
import { texts } from "../../texts";
import { Ago } from "../../ui/Ago";

const LOOKS = {
  running: { icon: IconRefresh, colour: "var(--tone-info)" },
  done: { icon: IconCircleCheck, colour: "var(--tone-good)" },
  failed: { icon: IconAlertTriangle, colour: "var(--tone-live)" },
} as const;

/** How an import went, in a word, and when. */
export const ImportWords = ({ found }: { found: AccountImport | null }) => {
  if (found === null) return <span className="soft">{texts.directories.neverImported}</span>;
  const { icon: Icon, colour } = LOOKS[found.state];
  return (
    <span className="row-tight nowrap" title={found.problem ?? undefined}>
      <span className="row-tight" style={{ color: colour, gap: 4 }}>
        <Icon size={15} aria-hidden />
        {texts.directories.result[found.state]}
      </span>
      <span className="soft">
        <Ago at={found.ended_at ?? found.started_at} />
      </span>
    </span>
  );
};
