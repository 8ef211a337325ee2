//! The way of a request, over real connections, to a real target, with the real app behind it.

mod admission;
mod barrier;
mod documents;
mod faults;
mod protocols;
mod recorder;
mod streams;
mod support;
mod targets;
