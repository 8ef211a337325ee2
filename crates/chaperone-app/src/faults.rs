//! Places where a test may stop the process: named steps around every effect.
//!
//! The executable hands in nothing but [`Faults::none`], except when it was built for crash tests.

use std::sync::Arc;

/// Called with the name of each step that is reached.
#[derive(Clone)]
pub struct Faults(Option<Arc<dyn Fn(&'static str) + Send + Sync>>);

impl Faults {
    /// Nothing happens anywhere.
    pub const fn none() -> Self {
        Self(None)
    }

    /// `reached` is called at each step; it may never return.
    pub fn new(reached: impl Fn(&'static str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(reached)))
    }

    /// A step is reached.
    pub fn reach(&self, step: &'static str) {
        if let Some(reached) = &self.0 {
            reached(step);
        }
    }
}
