/** Instants as people read them: in the viewer's zone, with the zone named. */

const pad = (value: number): string => String(value).padStart(2, "0");

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const clockSeconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const zonePart = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });
const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The zone's short name at that instant, such as `CET`. */
export const zoneAt = (at: Date): string => zonePart.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "UTC";
/** The zone's full name, such as `Europe/Berlin`. */
export const zoneName = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

const sameDay = (a: Date, b: Date): boolean => a.toDateString() === b.toDateString();

export const dateText = (at: Date, now: Date): string => (at.getFullYear() === now.getFullYear() ? day : dayYear).format(at);
export const clockText = (at: Date): string => clock.format(at);
export const dayText = (at: Date): string => weekday.format(at);

/** `21 Nov, 14:05`, with seconds where order matters. */
export const whenText = (at: Date, now: Date, seconds = false): string => `${dateText(at, now)}, ${(seconds ? clockSeconds : clock).format(at)}`;
export const fullText = (at: Date): string => `${dayYear.format(at)}, ${clockSeconds.format(at)} ${zoneAt(at)}`;

/** `21 Nov, 14:05 – 15:05` or with both days. */
export const spanText = (from: Date, to: Date, now: Date): string =>
  `${whenText(from, now)} – ${sameDay(from, to) ? clockText(to) : whenText(to, now)}`;

/** A length in its two largest units: `1 h 20 min`, `45 s`. */
export const lengthText = (ms: number): string => {
  const whole = Math.max(0, Math.round(ms / SECOND));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3_600);
  const minutes = Math.floor((whole % 3_600) / 60);
  const seconds = whole % 60;
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes > 0) return minutes < 10 && seconds > 0 ? `${minutes} min ${seconds} s` : `${minutes} min`;
  return `${seconds} s`;
};

/** The sum of many lengths: `1,426 h`, so that sums can be compared. */
export const hoursText = (ms: number): string => (ms < DAY ? lengthText(ms) : `${Math.round(ms / HOUR).toLocaleString("en-GB")} h`);

/** How long ago, in its largest unit: `just now`, `5 min ago`, `3 d ago`. */
export const agoText = (at: Date, now: Date): string => {
  const ms = now.getTime() - at.getTime();
  if (ms < MINUTE) return "just now";
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ago`;
  return `${Math.floor(ms / DAY)} d ago`;
};

/** A position on a recording: `4:05`, `1:04:05`. */
export const offsetText = (ms: number): string => {
  const whole = Math.max(0, Math.floor(ms / SECOND));
  const hours = Math.floor(whole / 3_600);
  const minutes = Math.floor((whole % 3_600) / 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
};

/** For `<input type="datetime-local">`, in the viewer's zone. */
export const toLocalInput = (at: Date): string =>
  `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
export const fromLocalInput = (text: string): Date | null => {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at;
};

export const startOfDay = (at: Date): Date => new Date(at.getFullYear(), at.getMonth(), at.getDate());
export const addDays = (at: Date, days: number): Date => new Date(at.getFullYear(), at.getMonth(), at.getDate() + days, at.getHours(), at.getMinutes());
