//! Use cases and jobs: authorise, decide, act, record.
