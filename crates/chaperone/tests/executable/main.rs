//! The executable as it is shipped: started as a process, asked over HTTP, stopped by signals.
//!
//! | file | what |
//! | --- | --- |
//! | `process`, `client` | starting it, reading what it says; a client that connects to an address and names a host |
//! | `office`, `roles`, `wire` | people, accounts and targets; a real PostgreSQL server as a directory; the wire to it |
//! | `browser` | somebody with cookies who follows redirects |
//! | `application` | an application behind the gateway |
//! | `configuration`, `first_start` | what is refused before it starts; passwords that are printed once, the key |
//! | `doors` | which host answers what |
//! | `entering` | the way from the console into a target |
//! | `connections` | silence, slowness, TLS, proxies, the end |
//! | `dataverse` | programs made for the source's Web API, unmodified |
//! | `demo` | the demo, also for the second time |
//! | `event_streams` | the trail to a real syslog collector, through kills and outages of either side |
//! | `export_folder` | the folder of a scheduled export that is full, or takes nothing (feature `faults`) |
//! | `notifications` | mails and webhooks; `mail_server` is the one that they go to |
//! | `clock` | the clock that jumps, directories that are away at start and end (feature `faults`) |
//! | `database_away` | the database that is away when a session's end comes (feature `faults`) |
//! | `full_disk`, `small_disk`, `restored` | a disk without room; a backup that is put back (feature `faults`) |
//! | `programs` | tokens at our own API and at a target; exports |
//! | `sign_in_kills` | killed at any moment while people and programs sign in and fail to |
//! | `kills` | killed at every step of start and end (feature `faults`) |

#[cfg(feature = "faults")]
mod application;
mod browser;
mod client;
#[cfg(feature = "faults")]
mod clock;
mod configuration;
mod connections;
#[cfg(feature = "faults")]
mod database_away;
mod dataverse;
mod demo;
mod doors;
mod entering;
mod event_streams;
#[cfg(feature = "faults")]
mod export_folder;
mod first_start;
#[cfg(feature = "faults")]
mod full_disk;
#[cfg(feature = "faults")]
mod kills;
#[allow(dead_code, reason = "each suite uses its part of the server")]
#[path = "../support/mail_server.rs"]
mod mail_server;
mod notifications;
#[cfg(feature = "faults")]
mod office;
#[allow(dead_code, reason = "crash tests kill in more ways")]
mod process;
mod programs;
#[cfg(feature = "faults")]
mod restored;
#[cfg(feature = "faults")]
#[allow(dead_code, reason = "crash tests stop the server, and keep rows in it")]
mod roles;
#[allow(dead_code, reason = "each suite uses its part of the server")]
#[path = "../support/rsyslog.rs"]
mod rsyslog;
mod sign_in_kills;
#[cfg(feature = "faults")]
mod small_disk;
#[cfg(feature = "faults")]
mod wire;
