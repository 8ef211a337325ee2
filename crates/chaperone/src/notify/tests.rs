//! Stories with a real mail server (aiosmtpd), a receiver of webhooks that checks signatures with the reference
//! library, a real database, and a clock that stands where the test puts it.

#[path = "../../tests/support/mail_server.rs"]
mod mail_server;

mod mails;
mod nodes;
mod receiver;
mod telling;
mod transport;
mod webhooks;
mod world;
