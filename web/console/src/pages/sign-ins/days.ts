/** Days of the totals: the server counts them in UTC, so that every reader sees the same. */

/** The day of the last moment before an end that is not part of the time any more. */
export const lastDay = (until: Date): string => new Date(until.getTime() - 1).toISOString().slice(0, 10);

/** `2026-11-21` of an instant in UTC. */
export const dayOf = (instant: string): string => instant.slice(0, 10);
