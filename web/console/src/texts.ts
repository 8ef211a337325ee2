/** Every text that the console says, by page. Words are those of the product; one word has one meaning. */
import { audit, auditSettings, exporting, legalHold, period, signIns } from "./texts-access";
import { directories, fields, flavours, kinds, tlsModes } from "./texts-directories";
import { eventStreams, scheduledExports } from "./texts-streams";
import type { AccountAction, AccountState, Action, Channel, EndKind, EndReason, GrantOutcome, RecordingState, Role, Status, TargetIdentity, TargetRecording, WebServicesInSession } from "./api/types";

const status: Record<Status, string> = {
  Draft: "Draft", Approved: "Approved", Active: "Active", Ending: "Ending", Ended: "Ended", Rejected: "Rejected", Cancelled: "Cancelled", Expired: "Expired", Failed: "Failed",
};
const statusMeaning: Record<Status, string> = {
  Draft: "Asked for, waiting to be approved.",
  Approved: "Allowed. The processor starts it at its time.",
  Active: "The account can be used now, and everything is recorded.",
  Ending: "Over for the user. The account is not proved back yet.",
  Ended: "Over, and every account is proved back.",
  Rejected: "Not allowed.",
  Cancelled: "Taken back before it started.",
  Expired: "Its end came before it was started.",
  Failed: "It could not start. Every account is proved back.",
};
const endReason: Record<EndReason, string> = {
  completed: "completed: its time was up", handed_back: "handed back", ended_by_administrator: "ended by administrator",
  recording_lost: "recording lost", account_removed: "account removed", could_not_start: "could not start",
};
const endKind: Record<EndKind, string> = {
  signed_out: "signed out", expired: "expired", ended_by_administrator: "ended by administrator", session_ended: "session ended", session_started: "session started", lost: "lost",
};
const channel: Record<Channel, string> = { web: "web", web_services: "web services" };
const accountState: Record<AccountState, string> = { enabled: "enabled", disabled: "disabled", absent: "absent" };
const accountAction: Record<AccountAction, { label: string; meaning: string }> = {
  enable: { label: "Enable", meaning: "Enabled while the session is active, then put back." },
  disable: { label: "Disable", meaning: "Disabled while the session is active, then put back." },
  none: { label: "Leave as it is", meaning: "Not switched. Put back if it is changed during the session." },
};
const action: Record<Action, string> = {
  Open: "Open", HandBack: "Hand back", Approve: "Approve", Reject: "Reject", Edit: "Edit", Process: "Process now",
  EnableAccount: "Enable account", DisableAccount: "Disable account", Extend: "Ask for more time", Shorten: "End earlier", Cancel: "Cancel", End: "End now",
};
const grantOutcome: Record<GrantOutcome, string> = {
  untouched: "was so already", restored: "put back", kept_changed_by_others: "kept: somebody else changed it meanwhile",
  set_stricter: "set to the stricter of both: somebody else changed it meanwhile", absent: "gone from its directory",
};
const role: Record<Role, { label: string; meaning: string }> = {
  system_administrator: { label: "System administrator", meaning: "Everything except alter or delete the trail." },
  approver: { label: "Approver", meaning: "Approves or rejects requests of others, ends sessions." },
  auditor: { label: "Auditor", meaning: "Reads everything, replays and exports recordings." },
  user: { label: "User", meaning: "Asks for a session for an account they own, uses it, hands it back." },
};
const recordingClosing = "Being sealed";
const recordingState: Record<RecordingState, string> = { recording: "Recording", sealed: "Sealed", damaged: "Damaged", deleted: "Deleted by retention" };
const identity: Record<TargetIdentity, { label: string; meaning: string }> = {
  none: { label: "None", meaning: "Chaperone decides when somebody enters, not as whom they then sign in there." },
  headers: { label: "Headers", meaning: "X-Forwarded-User, -Email and -Groups name the account." },
  assertion: { label: "Assertion", meaning: "A signed JWT names the account; the target can refuse everything else." },
};
const targetRecording: Record<TargetRecording, { label: string; meaning: string }> = {
  privileged: { label: "Privileged sessions", meaning: "Sign-ins of privileged sessions are recorded." },
  always: { label: "Always", meaning: "Every sign-in is recorded, with consent." },
  off: { label: "Off", meaning: "Nothing is recorded. A privileged session cannot name this target." },
};
const webServices: Record<WebServicesInSession, { label: string; meaning: string }> = {
  refuse: { label: "Refuse", meaning: "Programs with a token are refused during a session: no page can explain what they do." },
  witness: { label: "Witness", meaning: "They pass, seen by the gateway alone, and the coverage figure says so." },
};

export const texts = {
  period, export: exporting, signIns, audit, auditSettings, legalHold, eventStreams, scheduledExports,
  product: "Chaperone", motto: "Schedule it, approve it, record it, prove it.",
  directories, directoryKind: kinds, directoryField: fields, flavour: flavours, tls: tlsModes, grantOutcome,
  status, statusMeaning, endReason, endKind, channel, accountState, accountAction, action, role, recordingState, recordingClosing, identity, targetRecording, webServices,
  changedByKind: { SystemAdministrator: "System administrator", Approver: "Approver", User: "User", BatchProcess: "Batch process", Unknown: "Not kept" } as Record<string, string>,
  nav: {
    menu: "Menu", main: "Console", sessions: "Privileged sessions", myAccess: "My access", signIns: "Sign-ins", audit: "Audit", scheduledExports: "Scheduled exports", eventStreams: "Event streams", users: "Users",
    accounts: "Accounts", directories: "Directories", targets: "Targets", organization: "Organization", apiTokens: "API tokens", signOut: "Sign out", changePassword: "Change password",
    work: "Access", evidence: "Evidence", manage: "Administration", scheme: { auto: "Colours: as the system", light: "Colours: light", dark: "Colours: dark" }, skip: "Skip to content",
    live: { live: "Live", connecting: "Connecting", lost: "Not live, trying again" },
    liveMeaning: { live: "This page follows every change as it happens.", connecting: "Asking the server to tell changes.", lost: "The connection is lost. What you see may be old; it is taken up again by itself." },
  },
  common: {
    none: "none", nobody: "nobody", nothing: "–", back: "Back", close: "Close", save: "Save", create: "Create", add: "Add", edit: "Edit", remove: "Remove", retry: "Try again",
    loading: "Loading", clear: "Clear filters", firstPage: "First page", nextPage: "Next page", copy: "Copy", copied: "Copied", search: "Search", all: "All", yes: "Yes", no: "No",
    now: "now", you: "you", more: "More", reload: "Reload", saved: "Saved.", privileged: "privileged", ownedBy: (name: string) => `owned by ${name}`, noOwner: "no owner", estimated: "estimated",
    inZone: (zone: string) => `Times are in ${zone}.`, notFound: "There is nothing at this address", notFoundHint: "It does not exist, or it is not yours to see.",
    pageFailed: "This page could not be shown", failed: "This could not be loaded", dismiss: "Dismiss",
  },
  can: {
    ownAccountsOnly: "Only a system administrator asks for accounts of others.", noAccount: "You own no account. A system administrator can give you one under Accounts.",
    administratorOrAuditor: "For system administrators, approvers and auditors.", administratorOnly: "Only a system administrator may change this.",
    playRecordings: "Only system administrators and auditors may watch recordings.", notYourself: "Somebody else must deactivate you.",
  },
  signIn: {
    title: "Sign in", userName: "User name", password: "Password", submit: "Sign in", why: "Everything done with a privileged account is approved before, recorded during and proved after.",
    changeTitle: "Choose a new password", changeForced: "Your password was set by somebody else. Choose your own to go on.", changeFree: "You will be signed out everywhere else.",
    oldPassword: "Old password", newPassword: "New password", repeat: "New password again", change: "Change password", differ: "The two are not the same.", changed: "The password is changed.", showPassword: "Show or hide the password",
  },
  sessions: {
    title: "Privileged sessions", new: "New", list: "List", timeline: "Timeline", view: "View", state: "State", account: "Account", user: "User", targets: "Targets", window: "Window", requester: "Requested by",
    search: "Search reason, ticket, account, user", anyAccount: "Any account", anyUser: "Any user", anyTarget: "Any target", anyTime: "Any time", from: "From", to: "Until",
    times: { any: "Any time", today: "Today", week: "These 7 days", month: "These 30 days" },
    empty: "No privileged session yet", emptyHint: "A session lends a privileged account for at most 24 hours and records what is done. Ask for the first one with New.",
    emptyFiltered: "No session matches these filters", emptyFilteredHint: "Take a filter away, or clear them all.", caption: "Privileged sessions, newest start first",
    timelineEmpty: "No window in these days", timelineEmptyHint: "Move to other days, or ask for a session with New.", earlier: "Earlier", later: "Later", today: "Today", truncated: (n: number) => `Only the first ${n} windows are drawn. Filter to see the others.`,
  },
  new: {
    title: "New privileged session", account: "Account", accountHint: "Whose rights are borrowed", accountPick: "Search accounts", targets: "Targets", targetsHint: "The applications that may be entered with it", targetsPick: "Choose targets",
    targetsNone: "This account's directory has no target that is recorded. Add one under Targets.", window: "Window", start: "Start", startNow: "Now", startAt: "At a time", startsAt: "Starts at", duration: "Duration", endsAt: "Ends at", maximum: "At most 24 hours.",
    hours: (h: number) => (h < 1 ? `${h * 60} min` : `${h} h`), action: "Account action", actionIs: (name: string, state: string) => `${name} is ${state} now.`, reason: "Reason", reasonHint: "What will be done, and why it needs this account",
    ticket: "Ticket", ticketHint: "The number in another system, if there is one", notice: "Recording", acknowledge: "I know that everything done in this session is recorded, and the user has been told",
    create: "Create", result: (name: string) => `The request is made with the status Draft. ${name}`, resultApproval: "Somebody else approves it before it starts.", user: "User", userHint: "The owner of the account works with it.", noOwner: "This account has no owner, so nobody could use it. Give it one under Accounts.",
    created: "The request is made. It waits for approval.",
    more: "More accounts", moreHint: "Of the same owner; each is switched with the session and put back with it", morePick: "Add an account", moreNone: "The owner has no other account.", moreAction: (name: string) => `Account action of ${name}`, moreRemove: (name: string) => `Take ${name} out`, required: "Say something here.", pickAccount: "Choose an account.", pickTarget: "Choose at least one target.", mustAcknowledge: "The user must know before they are recorded.", tooLong: "Longer than 24 hours.", endFirst: "The end must lie after the start.", endPast: "The end is over already.",
  },
  session: {
    overview: "Overview", auditLog: "Audit log", userLog: "User log", recordings: "Recordings", account: "Account", facts: "Request", who: "Who", grant: "The account and its way back", id: "Session", changeStatus: "Actions",
    timeLeft: (text: string) => `${text} left`, startsIn: (text: string) => `starts in ${text}`, endedAgo: (text: string) => `ended ${text} ago`, overdue: "waits for the processor", notBack: "Not back yet", refusedTitle: "Why not",
    user: "Works in it", requestedBy: "Requested by", approvedBy: "Approved by", selfApproved: "approved their own request", reason: "Reason", ticket: "Ticket", targets: "Targets", window: "Window", started: "Started", ended: "Ended", endReason: "How it ended", action: "Account action", created: "Asked for", updated: "Last change",
    baseline: "Before", applied: "During", back: "Back", observed: "Seen now", problem: "Problem", noGrant: "Nothing was done to the account yet. When the session starts, its state is noted, changed and verified; at the end it is put back.", attempt: (n: number) => `attempt ${n}`, nextTry: (at: string) => `next try ${at}`, waiting: "not yet",
    phase: { opening: "being set", held: "held", closing: "going back", closed: "proved back" } as Record<string, string>,
    when: "When", change: "Change", by: "By", kind: "As", comment: "Comment", auditEmpty: "No change of status yet", userLogEmpty: "Nobody has entered yet", userLogEmptyHint: "Each sign-in of the account during the active session is listed here with its duration.",
    start: "Start", end: "End", how: "How it ended", length: "Duration", door: "Channel", address: "Address", agent: "User agent", goesOn: "goes on",
    recordingsEmpty: "Nothing recorded yet", recordingsEmptyHint: "A recording begins when the user agrees and opens the session.", steps: "Steps", exchanges: "Exchanges", size: "Size", coverage: "Coverage", play: "Play", download: "Download", opened: "Opened", recordingDeleted: "This recording was deleted by retention", recordingDeletedHint: "Its period is over: what was recorded and its key are destroyed. That it was there, and when it was deleted, stays in the trail.", deletedAt: "deleted", signInDeleted: "deleted by retention",
    wholeTrail: "All audit events of this session",
    accounts: "Accounts", moreAccounts: (n: number) => `+${n}`, moreAccountsTitle: (names: string) => `and ${names}`, becomes: (state: string) => `to be ${state}`,
    accountLog: {
      empty: "Nothing was done to the accounts yet", emptyHint: "When the session starts, each account is noted, changed and verified; at the end it is put back. Every change is listed here.",
      direction: { forward: "For the session", end_moved: "End moved", back: "Way back", left_to_others: "Left to other sessions" }, to: "to", intended: "Intended", done: "Done", verified: "Verified", notNeeded: "nothing had to be changed", notYet: "not yet", by: (name: string) => `by ${name}`, processor: "by the processor", is: (state: string) => `is ${state}`,
      failed: (n: number) => (n === 1 ? "1 failed attempt" : `${n} failed attempts`), held: "Other sessions hold this account; it goes back when the last one ends.", switch: "Switch for the rest of the session", none: "not switched",
    },
    extension: {
      title: "More time is asked for", until: (at: string) => `until ${at}`, by: (name: string) => `Asked for by ${name}`, stands: (at: string) => `The end ${at} stands until somebody approves it.`, approve: "Approve", reject: "Reject", takeBack: "Take back",
      dialog: { Approve: "The session goes on until the new end without a break.", Reject: "The end that stands stays. Say why; the requester reads it.", Cancel: "The end that stands stays." },
      newEnd: "New end", reason: "Reason", reasonHint: "What the longer time is for", limit: (at: string) => `At most 24 hours from the start: until ${at}.`, ask: "Ask", asked: "More time is asked for. The end stands until somebody approves it.", why: "Somebody else approves it, by the same rule as the session. Until then the old end stands, and nothing is cut.",
      shortenWhy: "The session ends at the new time. It can be made longer only with approval.", shortened: "The end is moved.", later: "Choose a time after the end that stands.", earlier: "Choose a time between now and the end that stands.", tooLate: "Longer than 24 hours from the start.", minutes: (n: number) => (n < 60 ? `+${n} min` : `+${n / 60} h`), in: (text: string) => `in ${text}`,
    },
  },
  told: {
    title: "Who was told", empty: "Nobody was told", emptyHint: "People are told by mail and programs by webhook, where the operator has set that up.", retry: "Try again", retried: "It is tried again now.",
    kind: { to_approve: "To approve", approved: "Approved", rejected: "Rejected", starts_soon: "Starts soon", started: "Started", ends_soon: "Ends soon", ended: "Ended", could_not_start: "Could not start", could_not_be_put_back: "Could not be put back", drift: "Account found changed" } as Record<string, string>,
    state: { waiting: "waiting", sent: "sent", given_up: "given up" } as Record<string, string>, trying: "being tried again", nextTry: "next try", attempts: (n: number) => (n === 1 ? "1 attempt" : `${n} attempts`), webhook: "webhook",
  },
  coverage: {
    title: "Changes with durable evidence before they left", evidence: "with evidence", explained: "explained by a step", none: "no change was made",
    /** What deserves a look: one, and many. */
    unexplainedChanges: ["change no step explains", "changes no step explains"], unexplainedValues: ["value no step explains", "values no step explains"],
    refused: ["change refused", "changes refused"], gaps: ["gap", "gaps"], areas: ["area not recorded", "areas not recorded"],
  },
  formats: {
    bundle: ["Evidence bundle", "sealed, checks offline"], rrweb: ["rrweb events", "replays elsewhere"], "steps.json": ["Steps as JSON", "for programs"], "steps.csv": ["Steps as CSV", "for spreadsheets"], har: ["Exchanges as HAR", "opens in browser tools"],
  } as Record<string, [string, string]>,
  dialogs: {
    Approve: "The processor starts the session at its time, or at once if that has come.", Reject: "The request is refused for good. Say why; the requester reads it.", Cancel: "The request is taken back. It cannot be taken up again.",
    End: "The user loses access within a second, and the account goes back to what it was.", HandBack: "Your access ends now, and the account goes back to what it was.", Process: "Does now what the processor would do at its time.",
    EnableAccount: "The account is enabled for the rest of the session, then put back.", DisableAccount: "The account is disabled for the rest of the session, then put back.",
    comment: "Comment", commentHint: "Kept in the Audit log", editTitle: "Edit the request", editApproved: "An edit sends an approved request back to Draft.", conflict: "Somebody else changed this session meanwhile. What you see now is the new state; look again and repeat if it still fits.", done: (word: string) => `${word}: done.`,
  },
  open: {
    title: "Open the privileged session", password: "Password", why: "Your password again, so that it is you.", agree: "Agree and open", decline: "Decline", declined: "You declined. That is kept in the trail, and nothing was opened.", go: "Go to an application", goHint: "Each opens in a new tab. The banner there shows that you are recorded and the time left.", until: (at: string) => `Until ${at}`, agreedTitle: "You are in", leave: "Hand the session back when you have finished; do not wait for its end.", notOpen: "This session cannot be opened now.",
  },
  myAccess: {
    title: "My access", now: "Now", next: "Coming", history: "History", ask: "Ask for a session", noneNow: "Nothing is open for you", noneNowHint: "Ask for a session. As soon as it is approved and its time has come, Open appears here.", historyEmpty: "You have had no session yet", accounts: "My accounts", noAccounts: "You own no account.", waiting: "waits for approval", starts: (at: string) => `starts ${at}`,
  },
  player: {
    missing: { title: "Not in this recording", many: (n: number) => (n === 1 ? "1 thing is missing" : `${n} things are missing`) },
    title: "Recording", steps: "Steps", search: "Search steps", noSteps: "No step matches", exchanges: "Exchanges of this step", allExchanges: "Exchanges", noExchanges: "This step caused no exchange.", chooseStep: "Choose a step to see what it caused.", play: "Play", pause: "Pause", previous: "Previous step", next: "Next step", speed: "Speed", skipIdle: "Skip idle time", position: "Position in the recording", frame: "Replay of the recorded page", noOrigin: "This server names no replay host, so the picture cannot be shown. Steps and exchanges are complete.",
    noFrame: "The replay frame does not answer. Check that the replay host can be reached from this browser.", noEvents: "This document has no picture", noEventsHint: "Nothing was drawn here. Steps and exchanges are complete.", script: "by a script", scriptHint: "The page did this by itself; no hand was seen.", masked: "masked", legend: { step: "step", write: "change", refused: "refused or unexplained", gap: "nothing happened" }, document: "Page", of: (a: number, b: number) => `${a} of ${b}`,
    request: "Sent", received: "received", unexplained: "no step explains it", refused: "refused", body: "Sent body", live: "Recording goes on", unexplainedOnes: "Changes that no step explains", from: "from", to: "to", loading: "Loading the picture", context: "Form", record: "Record", page: "Page address",
  },
  users: {
    title: "Users", new: "New user", userName: "User name", displayName: "Name", email: "E-mail", roles: "Roles", state: "State", active: "active", inactive: "deactivated", deactivate: "Deactivate", activate: "Activate", reset: "Reset password", oneTime: "One-time password", oneTimeHint: "Shown only now. Hand it over safely; the user chooses their own at the first sign-in.", empty: "No users", caption: "Users",
    resetWhy: "The user is signed out everywhere and gets a one-time password.", deactivateWhy: "The user can no longer sign in to the console. Their history stays.", search: "Search users",
  },
  accounts: {
    title: "Accounts", name: "Account", directory: "Directory", owner: "Owner", privileged: "Privileged", state: "State", expires: "Own expiry", expiresHint: "Kept by the directory itself", seen: "Last seen", drift: "Changed outside", caption: "Accounts by name", edit: "Account",
    empty: "No accounts", emptyHint: "Each user of the built-in directory has one; those of other directories come by import.", emptyFiltered: "No account matches these filters", emptyFilteredHint: "Take a filter away, or clear them all.",
    privilegedHint: "Borrowed only in privileged sessions, never used for daily work.", privilegedOf: (name: string) => `${name} is privileged`, ownerHint: "Who may use it. Nobody can ask for a session on an account without owner.", stateHint: "During a session this becomes what the account goes back to.",
    stateElsewhere: "Chaperone changes it only for sessions. Change it in the directory itself, or ask for a session.", request: "Ask for a session", search: "Search name or id", assign: "Assign", assignOwner: (name: string) => `Assign the owner of ${name}`, changeOwner: (name: string) => `Change the owner of ${name}`, look: "Look now", actions: (name: string) => `Actions for ${name}`, looked: (name: string, state: string) => `${name} is ${state}.`,
    anyDirectory: "Any directory", anyState: "Any state", anyOwner: "Any owner", onlyPrivileged: "Privileged", onlyDrifted: "Changed outside", flags: "Only",
    driftSentence: (expected: string, is: string) => `was changed outside: expected ${expected}, is ${is}`, driftSeen: "Take notice", noticed: "Noted in the trail.", never: "never", email: "E-mail", externalId: "Id in its directory",
    summary: (all: string, privileged: string) => `${all} accounts, ${privileged} of them privileged`, pickMore: "There are more. Type a part of the name.",
  },
  targets: {
    title: "Targets", new: "New target", name: "Name", host: "Host", upstream: "Upstream", directory: "Directory", identity: "Identity", recording: "Recording", webServices: "Web services in a session", audit: "User access auditing", auditHint: "Accesses are kept as UserAccessviaWeb and UserAccessviaWebServices.", entryPosts: "Entry posts", entryPostsHint: "Paths that take form posts back from an identity provider, one per line.", empty: "No targets", emptyHint: "A target is a web application behind the gateway. Add the first one with New target.", caption: "Targets", hostHint: "As the browser knows it, such as erp.example.org, without a port", upstreamHint: "Where the application really is, such as http://10.0.0.5:8080", remove: "Remove target", removeWhy: "Nobody can enter it through Chaperone any more. What was recorded stays.", search: "Search targets", nameHint: "As people know it",
  },
  organization: {
    title: "Organization", name: "Name", nameHint: "Shown on every page.", selfApproval: "Allow self-approval", selfApprovalHint: "People may approve requests of their own, and every use of it is marked in the Audit log. Off: somebody else must approve.", notice: "Recording notice", noticeHint: "Shown when scheduling and before each opening. Going on is consent, and the consent keeps the hash of this text.", approval: "Approval", recording: "Recording", general: "General",
    conflict: "Somebody else changed the settings meanwhile. They are loaded anew.",
  },
  apiTokens: { title: "API tokens", hint: "A program that calls the API with your token acts as you, with your roles.", new: "New token", name: "Name", nameHint: "What uses it", expires: "Expires", never: "never", created: "Created", lastUsed: "Last used", secret: "Secret", secretHint: "Shown only now. Put it where the program reads it.", revoke: "Revoke", revokeWhy: "Programs that use it are refused from now on.", empty: "No tokens", emptyHint: "Make one when a program should call the API for you.", caption: "API tokens", days: { 30: "30 days", 90: "90 days", 365: "1 year", 0: "never" } as Record<number, string> },
};
