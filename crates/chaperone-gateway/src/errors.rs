//! One table from causes to answers: status, stable name, what to say, and where to go.

use chaperone_app::entry::EntryRefused;
use chaperone_app::gate::NotAdmitted;
use http::StatusCode;

use crate::barrier::EvidenceMissing;
use crate::forward::TargetProblem;
use crate::headers::BadRequest;

/// Why a request is not answered by its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The request itself is not in order.
    BadRequest(BadRequest),
    /// No target has this host.
    UnknownHost,
    /// None of our own paths.
    UnknownPath,
    /// The body is larger than anybody may send before signing in.
    BodyTooLarge,
    /// Nobody is signed in here, and this is no navigation that could lead to signing in.
    NotSignedIn,
    /// The token is not known, or over.
    UnknownToken,
    /// The way through the console failed.
    Entry(EntryRefused),
    /// Signed in, and may not.
    NotAdmitted(NotAdmitted),
    /// Evidence is missing.
    Evidence(EvidenceMissing),
    /// Recorders are kept from running: navigations say so, and offer another try.
    RecorderBlocked,
    /// The recorder was not built into this server.
    RecorderMissing,
    /// Too many pages of this sign-in are loading.
    TooManyLoading,
    /// A page that cannot be recorded: its markup, coding or kind.
    NotRecordable(&'static str),
    /// Pages are not loaded in advance while recording.
    Prefetch,
    /// The evidence cannot be stored now.
    CannotStore,
    /// Who is there cannot be found out now.
    CannotAsk,
    /// The target did not answer.
    Target(TargetProblem),
}

/// What a refused person may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing here.
    Nothing,
    /// Try again.
    Retry,
    /// Go to the console's page of what they may use.
    Console,
    /// Forget recorders that never ran, and try again.
    RetryRecorder,
}

/// An answer of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The stable name of the problem.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    /// What it means and what to do.
    pub detail: &'static str,
    /// Where to go.
    pub next: Next,
}

const fn answer(
    status: StatusCode,
    name: &'static str,
    title: &'static str,
    detail: &'static str,
    next: Next,
) -> Answer {
    Answer { status, name, title, detail, next }
}

impl Refused {
    /// The table.
    pub(crate) fn answer(&self) -> Answer {
        use StatusCode as S;
        match *self {
            Self::BadRequest(why) => bad_request(why),
            Self::UnknownHost => answer(
                S::NOT_FOUND,
                "unknown-host",
                "There is no application here",
                "No application is reached under this address. Look at the address, or ask your administrator.",
                Next::Nothing,
            ),
            Self::UnknownPath => answer(
                S::NOT_FOUND,
                "unknown-path",
                "There is nothing here",
                "This address belongs to the gateway and leads nowhere.",
                Next::Nothing,
            ),
            Self::BodyTooLarge => answer(
                S::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "The request is too large",
                "Sign in before sending this much.",
                Next::Nothing,
            ),
            Self::NotSignedIn => answer(
                S::UNAUTHORIZED,
                "not-signed-in",
                "You are not signed in",
                "Your sign-in to this application is over, or there was none. Open the application again; what you entered on this page was not sent.",
                Next::Retry,
            ),
            Self::UnknownToken => answer(
                S::UNAUTHORIZED,
                "token-refused",
                "The token is not accepted",
                "It is unknown, revoked or expired. Make a new one in the console.",
                Next::Nothing,
            ),
            Self::Entry(why) => entry(why),
            Self::NotAdmitted(why) => not_admitted(why),
            Self::Evidence(why) => evidence(why),
            Self::RecorderBlocked => answer(
                S::PRECONDITION_REQUIRED,
                "recorder-blocked",
                "The recorder is blocked",
                "This work is recorded, and the recorder did not run on the last pages. Switch off whatever blocks scripts for this address (an extension, a setting, a filter in the network), then try again. Nothing can be changed until the recorder runs.",
                Next::RetryRecorder,
            ),
            Self::RecorderMissing => answer(
                S::SERVICE_UNAVAILABLE,
                "recorder-missing",
                "This server has no recorder",
                "Recorded work is not possible: the recorder was not built into this server. Tell the operator.",
                Next::Nothing,
            ),
            Self::TooManyLoading => answer(
                S::SERVICE_UNAVAILABLE,
                "too-many-loading",
                "Too many pages are loading",
                "Wait until the other pages have loaded, then try again.",
                Next::Retry,
            ),
            Self::NotRecordable(_) => answer(
                S::BAD_GATEWAY,
                "not-recordable",
                "This page cannot be recorded",
                "The application's answer is written in a way that the recorder cannot be put into, so it is not shown during recorded work. Tell the operator which page it is.",
                Next::Retry,
            ),
            Self::Prefetch => answer(
                S::SERVICE_UNAVAILABLE,
                "prefetch-refused",
                "Not in advance",
                "Pages are not loaded in advance while recording.",
                Next::Nothing,
            ),
            Self::CannotStore => answer(
                S::SERVICE_UNAVAILABLE,
                "cannot-store",
                "The recording cannot be stored",
                "Nothing was changed: what cannot be recorded is not done. Try again in a moment, and tell the operator if it stays so.",
                Next::Retry,
            ),
            Self::CannotAsk => answer(
                S::SERVICE_UNAVAILABLE,
                "cannot-ask",
                "Your sign-in cannot be looked up",
                "The database does not answer. Try again in a moment, and tell the operator if it stays so.",
                Next::Retry,
            ),
            Self::Target(why) => target(why),
        }
    }
}

fn bad_request(why: BadRequest) -> Answer {
    use StatusCode as S;
    let (status, name, detail) = match why {
        BadRequest::Host => (S::BAD_REQUEST, "bad-host", "It names no host, or more than one."),
        BadRequest::Length => (
            S::BAD_REQUEST,
            "bad-length",
            "It tells the length of its body twice, or in two ways, or not in numbers.",
        ),
        BadRequest::Method => (S::METHOD_NOT_ALLOWED, "bad-method", "Its method is not supported here."),
        BadRequest::Path => (S::BAD_REQUEST, "bad-path", "Its path is not valid, or too long."),
        BadRequest::TooLarge => (
            S::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers-too-large",
            "Its headers are larger than allowed. Deleting the cookies of this address may help.",
        ),
        BadRequest::CookieAndToken => {
            (S::BAD_REQUEST, "cookie-and-token", "It brings a cookie and a token together; send one of them.")
        }
    };
    answer(status, name, "The request is not in order", detail, Next::Nothing)
}

fn entry(why: EntryRefused) -> Answer {
    use StatusCode as S;
    let (status, title, detail, next) = match why {
        EntryRefused::CodeInvalid => (
            S::FORBIDDEN,
            "The way in is over",
            "The address that brought you here works once, for a minute, and only in the browser that asked for it. Open the application again.",
            Next::Retry,
        ),
        EntryRefused::SignInOver => (
            S::FORBIDDEN,
            "The sign-in is over",
            "It ended before the application was opened. Open it again from the console.",
            Next::Console,
        ),
        EntryRefused::NotYours => (
            S::FORBIDDEN,
            "This sign-in is not yours",
            "Sign in to the console as the user of the privileged session.",
            Next::Console,
        ),
        EntryRefused::NoAccount => (
            S::FORBIDDEN,
            "You have no account here",
            "You own no account for everyday use in this application. Ask for a privileged session in the console, or ask your administrator for an account.",
            Next::Console,
        ),
        EntryRefused::AccountDisabled => (
            S::FORBIDDEN,
            "The account is disabled",
            "Your account for this application cannot be used. Ask for a privileged session in the console, or ask your administrator.",
            Next::Console,
        ),
        EntryRefused::AccountInSession => (
            S::FORBIDDEN,
            "A privileged session holds your account",
            "Until the session is over and the account is back, it is used in that session only, and recorded. Open the session in the console under My access.",
            Next::Console,
        ),
        EntryRefused::ConsentNeeded => (
            S::FORBIDDEN,
            "Everything here is recorded",
            "At this application every sign-in is recorded, and only a person can agree to that: open it in the browser.",
            Next::Console,
        ),
        EntryRefused::UserInactive => (
            S::FORBIDDEN,
            "You cannot enter",
            "Your user is not active. Ask your administrator.",
            Next::Nothing,
        ),
        EntryRefused::Unavailable => (
            S::SERVICE_UNAVAILABLE,
            "You cannot enter at the moment",
            "The sign-in cannot be stored or recorded now. Try again in a moment, and tell the operator if it stays so.",
            Next::Retry,
        ),
    };
    answer(status, why.name(), title, detail, next)
}

fn not_admitted(why: NotAdmitted) -> Answer {
    use StatusCode as S;
    let (status, title, detail, next) = match why {
        NotAdmitted::SignInOver => (
            S::FORBIDDEN,
            "Your sign-in is over",
            "Its time is over, or somebody ended it. What you did until then is kept. Open the application again if you still need it.",
            Next::Console,
        ),
        NotAdmitted::UserInactive => (
            S::FORBIDDEN,
            "You cannot enter",
            "Your user is not active. Ask your administrator.",
            Next::Nothing,
        ),
        NotAdmitted::AccountDisabled => (
            S::FORBIDDEN,
            "The account is disabled",
            "This account can be used only while it is enabled. Ask for a privileged session in the console, or ask your administrator.",
            Next::Console,
        ),
        NotAdmitted::NoActiveSession => (
            S::FORBIDDEN,
            "No privileged session is active",
            "This account can be used only inside a privileged session. Ask for one in the console under My access, with a reason and a time; once it is approved and has begun, open the application from there.",
            Next::Console,
        ),
        NotAdmitted::TargetNotInSession => (
            S::FORBIDDEN,
            "This application is not part of your session",
            "Your privileged session leads to other applications. Ask for a session that names this one.",
            Next::Console,
        ),
        NotAdmitted::OtherDirectory => (
            S::FORBIDDEN,
            "This account does not belong here",
            "The account of your sign-in is kept in another directory than this application's.",
            Next::Console,
        ),
        NotAdmitted::WebServicesRefused => (
            S::FORBIDDEN,
            "Tokens are refused inside privileged sessions",
            "At this application a privileged account works in the browser only, where its work is recorded.",
            Next::Nothing,
        ),
        NotAdmitted::RecordingUnavailable => (
            S::SERVICE_UNAVAILABLE,
            "The recording is not available",
            "This work must be recorded, and that is not possible at the moment, so nothing goes through. Try again in a moment, and tell the operator if it stays so.",
            Next::Retry,
        ),
    };
    answer(status, why.name(), title, detail, next)
}

fn evidence(why: EvidenceMissing) -> Answer {
    let detail = match why {
        EvidenceMissing::NoDocument | EvidenceMissing::NoIntent => {
            "This request would change something, and no recorded page explains it, so it was not sent to the application. Go back, reload the page and do it again there."
        }
        EvidenceMissing::Forged => {
            "This request would change something, and its proof is not right, so it was not sent to the application. Reload the page and do it again."
        }
        EvidenceMissing::NotInTime => {
            "This request would change something, and the recording of what came before did not arrive in time, so it was not sent to the application. Look at your connection and do it again."
        }
        EvidenceMissing::Lost => {
            "The recording of this page has stopped, so nothing can be changed from it any more. Reload the page and do it again."
        }
        EvidenceMissing::RecorderBlocked => {
            "The recorder does not run in this browser, so nothing can be changed. Switch off whatever blocks scripts for this address and reload the page."
        }
        EvidenceMissing::BrowserReport => {
            "During recorded work the browser's own reports are not passed on: no recorded page can explain them."
        }
        EvidenceMissing::TooManyHeld => {
            "Too many requests wait for their recording at once, so this one was not sent to the application. Do it again in a moment."
        }
    };
    answer(
        StatusCode::PRECONDITION_REQUIRED,
        "evidence-missing",
        "Nothing was changed: evidence is missing",
        detail,
        Next::Retry,
    )
}

fn target(why: TargetProblem) -> Answer {
    use StatusCode as S;
    let (status, name, title, detail) = match why {
        TargetProblem::Unreachable => (
            S::BAD_GATEWAY,
            "target-unreachable",
            "The application cannot be reached",
            "It does not run, or the gateway cannot get there. Try again in a moment, and tell the operator if it stays so.",
        ),
        TargetProblem::Untrusted => (
            S::BAD_GATEWAY,
            "target-untrusted",
            "The application's certificate is not trusted",
            "The gateway does not hand your request to somebody who cannot prove to be the application. Tell the operator.",
        ),
        TargetProblem::Slow => (
            S::GATEWAY_TIMEOUT,
            "target-slow",
            "The application does not answer in time",
            "It may still be working on your request: look at the result before you repeat it.",
        ),
        TargetProblem::Broken => (
            S::BAD_GATEWAY,
            "target-broken",
            "The application's answer is broken",
            "It broke off, or is not valid. It may have worked on your request all the same: look at the result before you repeat it.",
        ),
        TargetProblem::HeadersTooLarge => (
            S::BAD_GATEWAY,
            "target-headers-too-large",
            "The application's answer is too large",
            "Its headers are larger than allowed. Tell the operator.",
        ),
        TargetProblem::RequestBroken => (
            S::BAD_REQUEST,
            "request-broken",
            "The request broke off",
            "It did not arrive whole. Look at the result before you repeat it.",
        ),
        TargetProblem::NotRecorded => return Refused::CannotStore.answer(),
        TargetProblem::Cut | TargetProblem::Over => return not_admitted(NotAdmitted::SignInOver),
    };
    answer(status, name, title, detail, Next::Retry)
}

impl From<BadRequest> for Refused {
    fn from(why: BadRequest) -> Self {
        Self::BadRequest(why)
    }
}

impl From<TargetProblem> for Refused {
    fn from(why: TargetProblem) -> Self {
        Self::Target(why)
    }
}

impl From<EvidenceMissing> for Refused {
    fn from(why: EvidenceMissing) -> Self {
        Self::Evidence(why)
    }
}

impl From<NotAdmitted> for Refused {
    fn from(why: NotAdmitted) -> Self {
        Self::NotAdmitted(why)
    }
}
