//! Stories of the use cases, over a real database and a real vault, with a clock that stands where the test puts it.

#![allow(unreachable_pub, reason = "each test uses its part of the world")]

mod access_records;
mod buckets;
mod databases;
mod due;
mod elsewhere;
mod event_streams;
mod grants;
mod imports;
mod kills;
mod notifications;
mod open_sign_ins;
mod peers;
mod recordings;
mod retention;
mod scheduled_exports;
mod sessions;
mod sign_ins;
mod world;
