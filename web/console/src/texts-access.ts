/** The texts of who was there: sign-ins, the audit of user access, exports, event streams. Part of the catalogue `texts.ts`. */

export const period = {
  start: "Start", end: "End", length: "Length", anyTime: "Any time", untilNow: "Until now",
  days: (days: number): string => (days === 1 ? "24 hours" : days === 365 ? "1 year" : `${days} days`),
  backwards: (zone: string): string => `The end lies before the start. Choose a later end or an earlier start (times are in ${zone}).`,
};

export const exporting = {
  tray: "Exports", progress: "Progress of the export", cancel: "Cancel",
  running: (title: string, format: string): string => `${title} as ${format}`,
  preparing: "The server is preparing it.",
  soFar: (rows: number | null, total: number | null, size: string): string => {
    const all = total?.toLocaleString("en-GB");
    if (rows === null) return all === undefined ? size : `${size}; ${all} rows in all`;
    return all === undefined ? `${rows.toLocaleString("en-GB")} rows, ${size}` : `${rows.toLocaleString("en-GB")} of ${all} rows, ${size}`;
  },
  done: (name: string, rows: number | null, size: string): string => `${name} is in your downloads: ${rows === null ? "" : `${rows.toLocaleString("en-GB")} ${rows === 1 ? "row" : "rows"}, `}${size}.`,
  format: {
    csv: { name: "CSV", use: "text for any spreadsheet" },
    xlsx: { name: "Excel", use: "a workbook, dates as dates" },
    jsonl: { name: "JSON lines", use: "one object per line, for programs" },
    parquet: { name: "Parquet", use: "columns, for data tools" },
  },
};

export const signIns = {
  title: "User Login Events", exported: "User login events", lead: "Who signed in to the console and to targets, from when to when, from where.", grid: "Sign-ins", caption: "Sign-ins, newest first",
  user: "User", start: "Session start", end: "Session end", how: "How it ended", length: "Duration", channel: "Channel", address: "Address", targets: "Where", session: "Privileged session", agent: "User agent", id: "Sign-in", kind: "Sign-in to", target: "Target",
  empty: "No sign-in in this time", emptyHint: "Choose an earlier start. Sign-ins are kept as long as the organization's settings say.", emptyFiltered: "No sign-in matches these filters", emptyFilteredHint: "Take a filter away, clear them all, or choose an earlier start.", lastYear: "Show the last year",
  userName: "Name or e-mail", exactAddress: "Exact address", anyChannel: "Any channel", anyTarget: "Any target", anyKind: "Anywhere", kinds: { console: "console", target: "targets" } as Record<string, string>, console: "console", noTarget: "no target opened",
  goesOn: "goes on", estimatedHint: "It fell silent: the end is when it was last seen.", active: (text: string): string => `${text} active`, activeIdle: (active: string, idle: string): string => `${active} active, ${idle} idle`, activeHint: "Idle is a pause of more than five minutes between two exchanges.",
  export: "Export grid", scheduled: "Scheduled exports", of: (name: string): string => `Sign-in of ${name}`, events: "Its audit events", endNow: "End it now", endOf: (name: string): string => `End the sign-in of ${name}`, endWhy: "This sign-in ends within a second. Its user must sign in again.",
  totals: {
    title: "Totals", cut: "Only the last 400 days with sign-ins are drawn.", signIns: "Sign-ins", people: "Users", time: "Time", person: "User", caption: "Users with the most sign-ins", only: (name: string): string => `Only ${name}`,
    more: (n: number): string => (n === 1 ? "and 1 more user" : `and ${n.toLocaleString("en-GB")} more users`),
    chart: {
      caption: "Sign-ins per day", day: "Day", count: "Sign-ins", people: "Users",
      bar: (days: string, count: number, people: number | null): string => `${days}: ${count === 1 ? "1 sign-in" : `${count.toLocaleString("en-GB")} sign-ins`}${people === null ? "" : `, ${people === 1 ? "1 user" : `${people} users`}`}`,
      unit: { day: "per day (UTC)", week: "per week (UTC)", month: "per month (UTC)" },
    },
  },
};

export const audit = {
  title: "Audit", lead: "What happened, who did it, and who used what.", view: "View", views: { access: "Access records", trail: "The trail" },
  when: "When", action: "Action", code: "Code", by: "By", subject: "Subject", details: "Details", user: "User", target: "Target", session: "Session", number: "Number",
  empty: "No event matches", emptyHint: "Take a filter away, clear them all, or choose an earlier start.", caption: "Audit events, newest first",
  anyAction: "Any action", anyUser: "Any user", anyTarget: "Any target", anySession: "Session id", processor: "Processor", system: "Chaperone", anonymous: "not signed in", unknown: "not kept",
  oneSignIn: "One sign-in only", oneSession: "One session only", export: "Export",
  deleted: "Deleted by retention", deletedShort: "Number and commitment are kept.", deletedHint: "Its period is over, so what it said is erased. Its number and its commitment stay: nothing can be left out unnoticed.",
  detail: {
    title: (number: string): string => `Event ${number}`, unnumbered: "Event without number yet", changes: "What changed", name: "Name", old: "Before", new: "After", nothing: "nothing", more: "Details", reason: "Reason", commitment: "Commitment", id: "Event id", behalf: "On behalf of", address: "Address", agent: "User agent", channel: "Channel", signIn: "Sign-in",
    sourceAction: "In the audit table", sameSession: "All events of this session", sameSignIn: "All events of this sign-in",
  },
  access: {
    caption: "Access records, newest first", empty: "No access record in this time", emptyHint: "Records are written when somebody uses the console, the API or a target that is audited. Choose an earlier start, or look at the settings.", settings: "Audit settings",
    interval: (hours: number): string =>
      hours === 0 ? "Every access is recorded: the interval is 0." : `At most one record per user and way in every ${hours === 1 ? "hour" : `${hours} hours`}, counted from the last one. The trail has every sign-in.`,
    off: "User access auditing is off, so no access is recorded now. The trail still has every sign-in.",
    via: "Way in", at: "Access time", itself: "Console and API",
  },
};

export const auditSettings = {
  tab: "Audit settings", general: "General", auditing: "Auditing", targets: "Auditing per target", retention: "Retention",
  isauditenabled: { label: "Start auditing", name: "isauditenabled", hint: "Whether access records are written at all. The trail is kept either way." },
  isuseraccessauditenabled: { label: "Log access", name: "isuseraccessauditenabled", hint: "Whether accesses of users are recorded, as UserAccessviaWeb (64) and UserAccessviaWebServices (65)." },
  useraccessauditinginterval: { label: "Interval in hours", name: "useraccessauditinginterval", hint: "Hours between two records of the same user and way in. 0 records every access.", unit: " h" },
  console: { label: "The console and the API", name: "console_audit_enabled", hint: "Whether using Chaperone itself counts as an access." },
  target: "Target", audited: "Accesses are recorded", auditedOf: (name: string): string => `Record accesses to ${name}`, noTargets: "No targets", noTargetsHint: "A target is a web application behind the gateway. Add the first one under Targets.",
  retentionHint: "What is written from now on is kept that long; what is there keeps the period that it was written with. A session under legal hold loses nothing.",
  auditretentionperiodv2: { label: "The trail and the access records", name: "auditretentionperiodv2" },
  sign_in_retention_days: { label: "Sign-ins", name: "sign_in_retention_days" },
  recording_retention_days: { label: "Recordings", name: "recording_retention_days" },
  forEver: "For ever", forDays: "For a number of days", days: "Days", daysOf: (label: string): string => `${label}: days`, keepOf: (label: string): string => `${label}: how long`, daysWrong: "A whole number of days from 1 to 365,000.", intervalWrong: "A whole number of hours; 0 records every access.",
  save: "Save", saveTitle: "Save the audit settings?", follows: "What follows:", nothing: "Nothing was changed.", auditingOff: "Auditing is off, so no access is recorded whatever is chosen here.",
  consequence: {
    auditingStops: "Auditing stops now; this is recorded as AuditDisabled (110).", auditingStarts: "Auditing starts now; this is recorded as AuditEnabled (107).",
    accessStops: "User access auditing stops now; this is recorded as UserAccessAuditStopped (113).", accessStarts: "User access auditing starts now; this is recorded as UserAccessAuditStarted (112).",
    accessLater: "It takes effect when auditing is switched on.",
    interval: (from: number, to: number): string => `The interval becomes ${to === 0 ? "0: every access is recorded" : `${to} h`} instead of ${from} h.`,
    consoleStops: "Using the console and the API is not recorded as an access any more; this is recorded as EntityAuditStopped (108).", consoleStarts: "Using the console and the API is recorded as an access; this is recorded as EntityAuditStarted (105).",
    targetStops: (name: string): string => `Accesses to ${name} are not recorded any more; this is recorded as EntityAuditStopped (108).`, targetStarts: (name: string): string => `Accesses to ${name} are recorded; this is recorded as EntityAuditStarted (105).`,
    retention: (label: string, to: string): string => `${label}: what is written from now on is kept ${to}. What is there keeps its period.`,
    keptForEver: "for ever", keptDays: (days: number): string => (days === 1 ? "1 day" : `${days.toLocaleString("en-GB")} days`),
  },
};

export const legalHold = {
  word: "Legal hold", section: "Legal hold and retention", since: "Held since", by: "Set by", set: "Set legal hold", lift: "Lift legal hold",
  none: "No legal hold. What belongs to this session goes when its retention period is over.", auditorOnly: "System administrators and auditors set a legal hold.", administratorOnly: "Only a system administrator lifts a legal hold.",
  setWhy: "Nothing that belongs to this session is deleted while the hold stands: its events, sign-ins and recordings.", liftWhy: "Retention applies again: what is past its period goes with the next run.",
  reason: "Reason", reasonHint: "Kept in the trail", required: "Say why.", done: "The legal hold stands.", lifted: "The legal hold is lifted.", title: (at: string): string => `Nothing of this session is deleted, since ${at}`,
};
