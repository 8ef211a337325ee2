//! The recording's format: frames, chain, encryption, steps, exports; where its bytes are kept.
