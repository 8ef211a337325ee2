//! Stands between the connector and the server and spoils what the test wants spoiled.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spoil {
    Nothing,
    /// They never come, while the connection stays.
    Stall,
    /// The connection ends after so many bytes of answers.
    CutAfter(usize),
    /// Something else comes.
    Say(Vec<u8>),
    /// A request to modify is passed on and done, and the connection ends before the answer to it.
    CutAfterModify,
}

pub(crate) struct Proxy {
    port: u16,
    spoil: Arc<Mutex<Spoil>>,
    cut: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let spoil = Arc::new(Mutex::new(Spoil::Nothing));
        let (cut, _) = watch::channel(0);
        let (spoiled, cuts) = (Arc::clone(&spoil), cut.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (spoil, mut cut) = (Arc::clone(&spoiled), cuts.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        () = pass(client, server, spoil) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { port, spoil, cut }
    }

    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// From now on, also on connections that are open.
    pub(crate) fn spoil(&self, spoil: Spoil) {
        *self.spoil.lock().expect("whole") = spoil;
    }

    /// Ends every connection.
    pub(crate) fn cut(&self) {
        self.cut.send_modify(|count| *count += 1);
    }
}

async fn pass(client: TcpStream, server: u16, spoil: Arc<Mutex<Spoil>>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let now = || spoil.lock().expect("whole").clone();
    let requests = async {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
            if to_server.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    let answers = async {
        let (mut buffer, mut passed) = ([0; 8192], 0);
        loop {
            let Ok(count @ 1..) = from_server.read(&mut buffer).await else { return };
            let answer = &buffer[..count];
            let through = match now() {
                Spoil::Nothing => answer.to_vec(),
                Spoil::Stall => std::future::pending().await,
                Spoil::CutAfter(limit) => answer[..count.min(limit - limit.min(passed))].to_vec(),
                Spoil::Say(other) => other,
                // An answer to a request to modify: 30 len 02 len(id) id.. 67.
                Spoil::CutAfterModify if answer.get(4 + usize::from(answer[3])) == Some(&0x67) => return,
                Spoil::CutAfterModify => answer.to_vec(),
            };
            passed += through.len();
            let whole = !matches!(now(), Spoil::CutAfter(limit) if passed >= limit);
            if to_client.write_all(&through).await.is_err() || !whole {
                return;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        () = answers => {}
    }
}
