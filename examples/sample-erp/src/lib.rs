//! A small but believable ERP: the application that the demo puts behind the gateway.
//!
//! It behaves as real ones do, because the gateway and the recorder have to cope with real ones: a
//! server-rendered part in the classic manner (post, redirect, get), a part that routes in the browser, a
//! WebSocket, event streams, file transfer, dialogs, and a strict Content-Security-Policy on everything.
//!
//! Two things set it apart from a real ERP:
//!
//! - **It keeps its own account of what was really done.** Every change is appended to a list of
//!   [`Change`]s, readable in-process by [`Erp::changes`] and over HTTP at `/api/changes`. Comparing it with
//!   what a recording says is the strongest test a recorder can have.
//! - **It has a lab** (`/lab`, and a raw listener beside the application) that answers in every awkward way
//!   that a proxy must survive; see [`lab`].
//!
//! Who the user is comes from one of two places, chosen by [`Identity`]: a sign-in page of its own, or the
//! signed assertion of the gateway. With the latter, a request without a valid assertion is refused, which is
//! what makes the gateway the only way in.
//!
//! Nothing needs a database: the state lives in memory behind one lock and can be saved to a JSON file.

mod api;
mod app;
mod assertion;
mod assets;
mod changes;
mod clock;
mod config;
mod dashboard;
mod erp;
mod events;
mod identity;
mod items;
mod keys;
pub mod lab;
mod money;
mod notifications;
mod orders;
mod page;
mod policy;
mod router;
mod saving;
mod seed;
mod sign_in;
mod socket;
mod vendors;
mod world;

pub use changes::Change;
pub use clock::Clock;
pub use config::{DEMO_PASSWORD, ErpConfig, Identity, Keys};
pub use erp::{Erp, StartError};
pub use lab::Received;
