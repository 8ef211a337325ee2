//! The proof over opaque bytes. Pure: no clock, no randomness, no storage.
//!
//! # The idea
//! The trail must be provable *and* erasable. What is proved is therefore never an event itself but a
//! **commitment** to it: the hash of a random salt and of the event's canonical bytes. Whoever holds salt and bytes
//! can show that they are what was committed to; once both are erased, the commitment says nothing about them (a
//! bare hash of a name or an address could be guessed), and every proof over the commitments still holds.
//!
//! What the bytes mean is the business of whoever made them; here they are opaque.
use aws_lc_rs::digest;

/// Bytes of a salt: 128 bits of randomness, drawn anew for every event.
pub const SALT_BYTES: usize = 16;
/// Bytes of a commitment (SHA-256).
pub const COMMITMENT_BYTES: usize = 32;

/// What stands in front of everything that a commitment hashes. Its first byte is neither `0x00` nor `0x01`, with
/// which the leaves and nodes of a Merkle tree (RFC 6962) begin, so that a commitment can never be taken for one of
/// those. A new way to commit takes a new text.
const COMMITMENT_DOMAIN: &[u8] = b"chaperone commitment v1\0";

/// The commitment to `canonical` under `salt`: SHA-256 of the domain, the salt and the bytes, one after the other.
///
/// The salt has a fixed length, so that no byte can move between it and what follows.
pub fn commitment(salt: &[u8; SALT_BYTES], canonical: &[u8]) -> [u8; COMMITMENT_BYTES] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(COMMITMENT_DOMAIN);
    context.update(salt);
    context.update(canonical);
    let mut commitment = [0; COMMITMENT_BYTES];
    commitment.copy_from_slice(context.finish().as_ref());
    commitment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The expected values were computed with coreutils: `printf '…' | sha256sum`.
    #[test]
    fn commitments_are_those_that_another_program_computes() {
        let counting: [u8; SALT_BYTES] = std::array::from_fn(|n| u8::try_from(n).expect("below 16"));
        let vectors: [([u8; SALT_BYTES], &[u8], &str); 4] = [
            ([0; SALT_BYTES], b"", "83c69572f03c2d32a335f200271a72aa80de7e74157cb26d5c2da3e68d8d3870"),
            (counting, b"", "b89204c9497d2632c4950446aaf607f59fc4613048a2d288c6cb35c49ec300e7"),
            (counting, b"chaperone", "6fc3b8af8b2328b609381b0d11411e6be04dc666928f07d186c2845b3899a288"),
            (
                [0xff; SALT_BYTES],
                &[0, 1, 2, 255],
                "5a2a0cf9667b25bced4abe9fd597eb50d32fd98fbe84c71af3979f12dd0dfbdc",
            ),
        ];
        for (salt, canonical, expected) in vectors {
            assert_eq!(hex(&commitment(&salt, canonical)), expected, "{}", hex(canonical));
        }
    }

    #[test]
    fn salt_and_bytes_both_decide() {
        let salt = [7; SALT_BYTES];
        let original = commitment(&salt, b"event");
        let mut other_salt = salt;
        other_salt[SALT_BYTES - 1] ^= 1;
        assert_ne!(commitment(&other_salt, b"event"), original);
        assert_ne!(commitment(&salt, b"evenu"), original);
        assert_ne!(commitment(&salt, b"event\0"), original);
    }
}
