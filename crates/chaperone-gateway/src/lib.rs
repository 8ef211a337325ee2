//! The way of a request: identify, admit, barrier, opening frame, forward, rewrite and inject, closing frame.
pub mod batch;
mod charset;
pub mod csp;
mod encoding;
pub mod headers;
mod inject;
mod inject_xml;
pub mod limits;
