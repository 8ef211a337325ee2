//! Nouns, ids, states and rules: who may, when, and what follows.
//!
//! Nothing here waits, reads a clock, draws a random number, or knows how rows and messages look; every
//! instant is handed in. That is what makes the rules testable as tables.
//!
//! # Glossary
//! *User* signs in to Chaperone; *account* is what targets see; *directory* holds accounts; *target* is a web
//! application behind the gateway; *privileged session* is the request and the window of time; *grant* is what
//! Chaperone does to one account meanwhile; *sign-in* is one login; *recording* is what was done during one
//! target sign-in; *document* is one loaded page; *exchange* is one request with its response; *audit event*
//! is one entry of the trail; *access record* is the source's thinned view of who used what; *notification* is one message
//! to one address about a privileged session or about an event stream; *event stream* is the trail on its way to a
//! collector. One word, one meaning, in code, API and screens.
pub mod access_record;
pub mod account;
pub mod audit_event;
pub mod directory;
pub mod document;
pub mod event_stream;
pub mod grant;
pub mod ids;
pub mod notification;
pub mod organization;
pub mod privileged_session;
pub mod recording;
pub mod retention;
pub mod scheduled_export;
pub mod sign_in;
pub mod source_action;
pub mod target;
pub mod user;

/// An instant: microseconds in UTC are kept, the viewer's zone is a matter of display.
pub type Instant = jiff::Timestamp;
