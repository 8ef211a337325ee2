import type { AccountState } from "../api/types";
import { texts } from "../texts";

const COLOUR: Record<AccountState, string> = { enabled: "var(--tone-good)", disabled: "var(--ink-soft)", absent: "var(--tone-warn)" };

export const AccountStateWord = ({ state }: { state: AccountState | null }) =>
  state === null ? <span className="soft">{texts.common.nothing}</span> : <span style={{ color: COLOUR[state] }}>{texts.accountState[state]}</span>;
