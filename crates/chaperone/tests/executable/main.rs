//! The executable as it is shipped: started as a process, asked over HTTP, stopped by signals.
//!
//! | file | what |
//! | --- | --- |
//! | `process`, `client` | starting it, reading what it says; a client that connects to an address and names a host |
//! | `browser` | somebody with cookies who follows redirects |
//! | `configuration`, `first_start` | what is refused before it starts; passwords that are printed once, the key |
//! | `doors` | which host answers what |
//! | `entering` | the way from the console into a target |
//! | `connections` | silence, slowness, TLS, proxies, the end |
//! | `demo` | the demo, also for the second time |
//! | `kills` | killed at every step of start and end (feature `faults`) |

mod browser;
mod client;
mod configuration;
mod connections;
mod demo;
mod doors;
mod entering;
mod first_start;
#[cfg(feature = "faults")]
mod kills;
mod process;
