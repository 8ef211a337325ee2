//! How an ERP is set up: where it listens, where its users come from, where it saves.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use crate::clock::Clock;

/// The password of every seeded user when the ERP signs people in itself. It is a demo's password and is
/// written on the sign-in page.
pub const DEMO_PASSWORD: &str = "supply-demo";

/// Everything an [`Erp`](crate::Erp) needs to start.
#[derive(Debug, Clone)]
pub struct ErpConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the lab's raw listener listens, if it is wanted; port 0 takes a free one.
    pub lab_listen: Option<SocketAddr>,
    /// Where users come from.
    pub identity: Identity,
    /// A JSON file that the state is loaded from and saved to. Without one everything is gone at the end.
    pub save_to: Option<PathBuf>,
    /// Where the time comes from.
    pub clock: Clock,
}

impl ErpConfig {
    /// An ERP on a free loopback port with the lab's raw listener beside it, saving nothing.
    #[must_use]
    pub fn on_loopback(identity: Identity) -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { listen: free, lab_listen: Some(free), identity, save_to: None, clock: Clock::system() }
    }
}

/// Where the user of a request comes from.
#[derive(Debug, Clone)]
pub enum Identity {
    /// The ERP's own sign-in page and cookie, with seeded users.
    Own,
    /// The header `Chaperone-Assertion` that the gateway sets. Everything without a valid one is refused.
    Assertion {
        /// The keys that assertions may be signed with.
        keys: Keys,
        /// The audience an assertion must name: this application's host, with port, as the browser sees it.
        audience: String,
    },
}

/// The gateway's public Ed25519 keys.
#[derive(Debug, Clone)]
pub enum Keys {
    /// Handed in: key id and raw public key.
    Static(Vec<(String, [u8; 32])>),
    /// A JWKS document (`OKP`, `Ed25519`) at a plain `http://` address, fetched when first needed and again
    /// when an unknown key id shows up.
    Url(String),
}
