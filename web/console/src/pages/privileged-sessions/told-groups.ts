/** What was told, put together for a reader: one entry for each thing told, with everybody it went to. */
import type { Notification, NotificationKind } from "../../api/types";

export interface Told {
  kind: NotificationKind;
  /** When it happened. */
  at: string;
  notifications: Notification[];
}

/** Things told, oldest first; what was told at the same instant stands together. */
export const grouped = (notifications: readonly Notification[]): Told[] => {
  const groups: Told[] = [];
  for (const notification of notifications) {
    const known = groups.find(({ kind, at }) => kind === notification.kind && at === notification.created_at);
    if (known) known.notifications.push(notification);
    else groups.push({ kind: notification.kind, at: notification.created_at, notifications: [notification] });
  }
  return groups;
};

export type ToldWord = "waiting" | "trying" | "sent" | "given_up";

/** What waits after an attempt that failed deserves another word, and another colour. */
export const wordOf = ({ state, problem }: Pick<Notification, "state" | "problem">): ToldWord => (state === "waiting" && problem !== null ? "trying" : state);
