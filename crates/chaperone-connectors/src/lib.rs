//! Observe and change accounts in other systems.
