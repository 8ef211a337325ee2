//! The public API, called in process over a real database and a real vault.
#![allow(unreachable_pub, reason = "each test uses its part of the world")]

mod audit_events;
mod dataverse;
mod directories;
mod extensions;
mod linux;
mod notifications;
mod principals;
mod requests;
mod retention;
mod scheduled_exports;
mod sign_ins;
mod stories;
mod trail;
mod users;
mod world;
