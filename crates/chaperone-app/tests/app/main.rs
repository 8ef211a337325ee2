//! Stories of the use cases, over a real database and a real vault, with a clock that stands where the test puts it.

mod kills;
mod recordings;
mod sessions;
mod world;
