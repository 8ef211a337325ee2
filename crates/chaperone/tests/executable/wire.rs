//! The wire between Chaperone and a directory, which can be cut and held.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Bytes that are carried at once.
const CARRIED_BYTES: usize = 8192;

/// What the wire does with what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Carries it.
    Passes,
    /// Keeps it until it passes again.
    Holds,
    /// Ends every connection, old and new.
    Cut,
}

/// A wire to a port of this machine.
pub(crate) struct Wire {
    pub(crate) port: u16,
    way: watch::Sender<Way>,
    asked: watch::Receiver<usize>,
}

impl Wire {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let here = listener.local_addr().expect("an address").port();
        let (way, going) = watch::channel(Way::Passes);
        let (asking, asked) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                asking.send_modify(|asked| *asked += 1);
                tokio::spawn(connection(client, port, going.clone()));
            }
        });
        Self { port: here, way, asked }
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Waits until somebody connects from now on.
    pub(crate) async fn asked(&self) {
        let mut asked = self.asked.clone();
        asked.mark_unchanged();
        asked.changed().await.expect("the wire is there");
    }
}

async fn connection(client: TcpStream, port: u16, mut way: watch::Receiver<Way>) {
    if !passes(&mut way).await {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    // Whichever side ends first ends both.
    tokio::select! {
        () = carry(from_client, to_server, way.clone()) => {}
        () = carry(from_server, to_client, way) => {}
    }
}

/// Waits until the wire passes; says whether it was not cut.
async fn passes(way: &mut watch::Receiver<Way>) -> bool {
    let decided = way.wait_for(|way| *way != Way::Holds).await;
    decided.is_ok_and(|way| *way == Way::Passes)
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut buffer = [0; CARRIED_BYTES];
    while passes(&mut way).await {
        tokio::select! {
            read = from.read(&mut buffer) => {
                let Ok(count @ 1..) = read else { return };
                if !passes(&mut way).await || to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
            changed = way.changed() => if changed.is_err() { return },
        }
    }
}
