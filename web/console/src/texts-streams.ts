/** The texts of what leaves Chaperone by itself: event streams and scheduled exports. Part of the catalogue `texts.ts`. */

import type { StreamState } from "./api/types";

export const eventStreams = {
  title: "Event streams", lead: "The trail on its way to collectors, in the order of its numbers. Nothing is skipped.", one: "Event stream",
  empty: "No event stream is configured", emptyHint: "Name a collector in the configuration file under [[event_streams]] and start Chaperone again. It then appears here.",
  kind: { webhook: "Webhook", syslog: "Syslog", otlp: "OpenTelemetry logs" } as Record<string, string>, format: { ocsf: "OCSF", cef: "CEF" } as Record<string, string>,
  address: "Sent to", format_: "Written as", last: "Last number", lastSent: "Last sent", behind: "Behind by", since: "Since", nextTry: "Next try", attempts: "Attempts", never: "never",
  behindBy: (events: number, time: string): string => (events === 0 ? "nothing" : `${events === 1 ? "1 event" : `${events.toLocaleString("en-GB")} events`}, the oldest waits for ${time}`),
  classes: "Classes", allClasses: "everything",
  state: { sending: "Sending", waiting: "Waiting to try again", stalled: "Stalled", not_configured: "Not configured" } as Record<StreamState, string>,
  meaning: {
    sending: "Nothing is wrong. What is new goes to the collector at once.", waiting: "Something is wrong. It is tried again by itself.", stalled: "Nothing could be sent for more than ten minutes. System administrators were told.", not_configured: "The configuration does not name it any more, so nothing is sent. Its place is kept: it goes on there when it comes back.",
  } as Record<StreamState, string>,
  goesOn: "No event is skipped: sending goes on where it stopped.",
  test: "Send a test event", taken: "The collector took it.", notTaken: "The collector did not take it.", testOf: (name: string): string => `Send a test event to ${name}`,
};

export const scheduledExports = {
  title: "Scheduled exports", lead: "Sign-ins or the trail, written to a folder or a bucket by themselves. Gaps are found and told.", one: "Scheduled export",
  add: "New scheduled export", empty: "No scheduled export", emptyHint: "Files then appear in a folder or a bucket every day or week, and the gap detector says when one is missing or was changed.", caption: "Scheduled exports",
  name: "Name", nameHint: "As people know it", content: "What", every: "How often", format: "Format", where: "Where to", state: "State", lastRun: "Last written", next: "Next", starts: "From",
  contents: { sign_ins: { label: "Sign-ins", hint: "User Login Events, by the day they started." }, audit_events: { label: "The trail", hint: "Audit events in the order of their numbers." } } as Record<string, { label: string; hint: string }>,
  intervals: { day: { label: "Every day", hint: "From midnight to midnight, UTC." }, week: { label: "Every week", hint: "From Monday to Monday, UTC." } } as Record<string, { label: string; hint: string }>,
  kinds: { folder: "A folder", s3: "An S3 bucket" } as Record<string, string>, kind: "Place",
  states: { fine: "In order", findings: "Something does not fit", problem: "Cannot write", paused: "Paused" },
  path: "Path of the folder", pathHint: "The whole path, on the machine that Chaperone runs on", bucket: "Bucket", region: "Region", prefix: "Prefix", prefixHint: "What the names of files begin with, such as exports/chaperone", endpoint: "Endpoint", endpointHint: "Only for a bucket that is not Amazon's, such as https://s3.example.org", accessKey: "Access key id", accessKeyHint: "Leave both empty when the machine itself may write", secret: "Secret access key", secretHint: "Where the secret is: file:NAME or env:NAME, never the secret itself",
  from: "First day", fromHint: "Files are written from this day on. Empty: from now on.", create: "Create", created: "The export is set up. The first file comes when its interval is over.", required: "Say something here.", secretWrong: "A reference such as file:s3-secret or env:S3_SECRET.", keysTogether: "Give both, or neither.",
  run: "Run now", check: "Check now", pause: "Pause", resume: "Go on", remove: "Remove", removeWhy: "No file is written any more. Files that are there stay where they are.", pauseWhy: "No file is written until it goes on. Intervals in between are made up for then.", ran: "What is due is being written.", checked: "Checked.", resumed: "It goes on.", paused: "It is paused.",
  runs: "Files", runsEmpty: "Nothing written yet", runsEmptyHint: "A day or week is written ten minutes after it is over. Run now writes what is due.", interval: "Interval (UTC)", file: "File", rows: "Rows", size: "Size", written: "Written", verified: "Verified", waiting: "waits", numbers: (first: number, last: number): string => `numbers ${first.toLocaleString("en-GB")} to ${last.toLocaleString("en-GB")}`, writeAgain: "Write it again", writtenAgain: "The interval is written again.", again: (n: number): string => `written ${n + 1} times`, tries: (n: number): string => (n === 1 ? "1 attempt" : `${n} attempts`),
  findings: "What does not fit", checkedAt: (at: string): string => `Checked ${at}`, neverChecked: "Not checked yet. The gap detector looks every day.", noFindings: "Files, manifests and the trail fit together.",
  finding: {
    missed_interval: "An interval was not written", file_missing: "A file is missing", file_changed: "A file was changed", manifest_missing: "A manifest is missing", manifest_changed: "A manifest was changed", chain_broken: "The chain of manifests is broken", rows_not_in_file: "Rows are not in the file", rows_not_in_database: "Rows are not in the database",
  } as Record<string, string>,
  settings: "Settings", problem: "The last attempt failed",
};
