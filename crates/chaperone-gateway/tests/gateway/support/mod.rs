//! The world of the tests: a real target, the real gateway in front of it over real connections, and a person.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

pub mod app;
pub mod names;
pub mod page;
pub mod target;
pub mod world;

pub use world::{Answer, World, eventually};
