//! The proof over opaque bytes: salted commitments of the trail's leaves. Pure.
