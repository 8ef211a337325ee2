import type { Account } from "../api/types";

/** Laxer than it should be is a danger; anything else only deserves a look. */
export const isLaxer = (account: Pick<Account, "state" | "drift">): boolean => account.drift !== null && account.state === "enabled" && account.drift.expected !== "enabled";
