/** The audit settings while they are being changed: what was changed, what is wrong, and what will follow. */
import type { Organization } from "../../api/types";
import { texts } from "../../texts";

const words = texts.auditSettings;

export const FOR_EVER = -1;
/** The longest retention, in days. */
const RETENTION_MAX_DAYS = 365_000;
/** What a class of data is kept when somebody changes from *for ever* to days. */
export const PRESET_DAYS = 365;

export const RETENTION_FIELDS = ["auditretentionperiodv2", "sign_in_retention_days", "recording_retention_days"] as const;
export type RetentionField = (typeof RETENTION_FIELDS)[number];

export const FIELDS = ["isauditenabled", "isuseraccessauditenabled", "useraccessauditinginterval", ...RETENTION_FIELDS] as const;
export type FormSettings = Pick<Organization, (typeof FIELDS)[number]>;

export const settingsOf = (organization: Organization): FormSettings => Object.fromEntries(FIELDS.map((name) => [name, organization[name]])) as unknown as FormSettings;

export const changedSettings = (before: FormSettings, after: FormSettings): Partial<FormSettings> => Object.fromEntries(FIELDS.filter((name) => before[name] !== after[name]).map((name) => [name, after[name]]));

/** What is wrong, by field; the server says the same, later. */
export const wrongSettings = (settings: FormSettings): Partial<Record<keyof FormSettings, string>> => {
  const wrong: Partial<Record<keyof FormSettings, string>> = {};
  const { useraccessauditinginterval: hours } = settings;
  if (!Number.isInteger(hours) || hours < 0) wrong.useraccessauditinginterval = words.intervalWrong;
  for (const name of RETENTION_FIELDS) {
    const days = settings[name];
    if (days !== FOR_EVER && !(Number.isInteger(days) && days >= 1 && days <= RETENTION_MAX_DAYS)) wrong[name] = words.daysWrong;
  }
  return wrong;
};

const kept = (days: number): string => (days === FOR_EVER ? words.consequence.keptForEver : words.consequence.keptDays(days));

const auditsAccess = (settings: FormSettings): boolean => settings.isauditenabled && settings.isuseraccessauditenabled;

/** What saving brings about, in sentences. The last word has the trail: it names the events that are written. */
export const consequences = (before: FormSettings, after: FormSettings): string[] => {
  const follows: string[] = [];
  const { consequence } = words;
  if (before.isauditenabled !== after.isauditenabled) follows.push(after.isauditenabled ? consequence.auditingStarts : consequence.auditingStops);
  if (auditsAccess(before) !== auditsAccess(after)) follows.push(auditsAccess(after) ? consequence.accessStarts : consequence.accessStops);
  else if (before.isuseraccessauditenabled !== after.isuseraccessauditenabled) follows.push(consequence.accessLater);
  if (before.useraccessauditinginterval !== after.useraccessauditinginterval) follows.push(consequence.interval(before.useraccessauditinginterval, after.useraccessauditinginterval));
  for (const name of RETENTION_FIELDS) if (before[name] !== after[name]) follows.push(consequence.retention(words[name].label, kept(after[name])));
  return follows;
};

/** Whether something is not recorded any more afterwards, or is kept for a shorter time. */
export const losesEvidence = (before: FormSettings, after: FormSettings): boolean => {
  const shorter = (name: RetentionField): boolean => after[name] !== FOR_EVER && (before[name] === FOR_EVER || after[name] < before[name]);
  return (before.isauditenabled && !after.isauditenabled) || (auditsAccess(before) && !auditsAccess(after)) || RETENTION_FIELDS.some(shorter);
};
