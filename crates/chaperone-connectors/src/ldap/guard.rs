//! Stands between the server and the library that reads its answers.
//!
//! Only whole, short, shallow LDAP messages pass: the library keeps whatever arrives until it is whole, and calls
//! itself for every level of nesting. What ended the connection is kept, because the library only sees that it ended.

use std::os::unix::net::UnixStream as Socket;
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// Longest message of a server, in bytes. The longest that is asked for is the schema of Active Directory, about
/// half a mebibyte.
const MESSAGE_MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Deepest nesting of a message: an entry of a search needs 6.
const NESTING_MAX: usize = 16;

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server closed it between two messages.
    Closed,
    /// The server closed it within a message.
    Half,
    /// What came is no LDAP.
    NotLdap,
    /// A message is longer than any that is expected.
    TooLong,
    /// The network or TLS broke it.
    Broken(String),
}

/// The library's side of a guarded connection.
pub(super) struct Guarded {
    /// Where the library reads and writes.
    pub(super) socket: Socket,
    /// Set before the socket ends.
    pub(super) ending: Arc<OnceLock<Ending>>,
}

/// Guards a connection until either side ends it.
pub(super) fn guard<S>(server: S) -> std::io::Result<Guarded>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (socket, ours) = Socket::pair()?;
    ours.set_nonblocking(true)?;
    let ours = UnixStream::from_std(ours)?;
    let ending = Arc::new(OnceLock::new());
    let kept = Arc::clone(&ending);
    tokio::spawn(async move {
        let (from_server, mut to_server) = tokio::io::split(server);
        let (mut from_library, mut to_library) = ours.into_split();
        tokio::select! {
            ending = answers(BufReader::new(from_server), &mut to_library) => {
                kept.get_or_init(|| ending);
            }
            _ = tokio::io::copy(&mut from_library, &mut to_server) => {
                // The library let go: nobody reads what went wrong.
            }
        }
    });
    Ok(Guarded { socket, ending })
}

async fn answers(mut from: impl AsyncRead + Unpin, to: &mut (impl AsyncWrite + Unpin)) -> Ending {
    let mut message = Vec::new();
    loop {
        if let Err(ending) = read_message(&mut from, &mut message).await {
            return ending;
        }
        if to.write_all(&message).await.is_err() {
            return Ending::Closed;
        }
    }
}

/// Reads one whole message, header and all.
pub(super) async fn read_message(
    from: &mut (impl AsyncRead + Unpin),
    message: &mut Vec<u8>,
) -> Result<(), Ending> {
    message.clear();
    read(from, message, 1).await.map_err(|ending| match ending {
        Ending::Half => Ending::Closed,
        ending => ending,
    })?;
    if message[0] != 0x30 {
        return Err(Ending::NotLdap);
    }
    read(from, message, 1).await?;
    let length = match message[1] {
        short @ 0..=0x7f => u64::from(short),
        long @ 0x81..=0x84 => {
            read(from, message, u64::from(long - 0x80)).await?;
            message[2..].iter().fold(0, |length, byte| (length << 8) | u64::from(*byte))
        }
        _ => return Err(Ending::NotLdap),
    };
    if length > MESSAGE_MAX_BYTES {
        return Err(Ending::TooLong);
    }
    read(from, message, length).await?;
    if is_well_formed(message) { Ok(()) } else { Err(Ending::NotLdap) }
}

async fn read(from: &mut (impl AsyncRead + Unpin), message: &mut Vec<u8>, count: u64) -> Result<(), Ending> {
    // Grows with what really arrives, not with what is announced.
    let got = from.take(count).read_to_end(message).await;
    match got {
        Ok(got) if got as u64 == count => Ok(()),
        Ok(_) => Err(Ending::Half),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(Ending::Half),
        Err(error) => Err(Ending::Broken(error.to_string())),
    }
}

/// Whether every element lies within the one around it, and none too deep.
fn is_well_formed(message: &[u8]) -> bool {
    let (mut at, mut ends) = (0, vec![message.len()]);
    while let Some(&end) = ends.last() {
        if at == end {
            ends.pop();
            continue;
        }
        let Some((content, length)) = element(&message[at..end]) else { return false };
        let constructed = message[at] & 0x20 != 0;
        at += content;
        if !constructed {
            at += length;
        } else if ends.len() > NESTING_MAX {
            return false;
        } else {
            ends.push(at + length);
        }
    }
    true
}

/// Where the content of the first element begins, and its length.
fn element(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.get(1)?;
    let (content, length) = if first < 0x80 {
        (2, usize::from(first))
    } else {
        let count = usize::from(first - 0x80);
        if count == 0 || count > 4 {
            return None;
        }
        let length =
            bytes.get(2..2 + count)?.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
        (2 + count, length)
    };
    (content + length <= bytes.len()).then_some((content, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ended_by(bytes: &[u8]) -> (Vec<u8>, Ending) {
        let mut passed = Vec::new();
        let ending = answers(bytes, &mut passed).await;
        (passed, ending)
    }

    /// `levels` sequences within each other.
    fn nested(levels: usize) -> Vec<u8> {
        (0..levels).fold(Vec::new(), |inner, _| {
            let mut outer = vec![0x30, 0x84];
            outer.extend(u32::try_from(inner.len()).expect("short").to_be_bytes());
            outer.extend(inner);
            outer
        })
    }

    #[tokio::test]
    async fn only_whole_short_and_shallow_messages_pass() {
        let bind = [0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00];
        assert_eq!(ended_by(&bind).await, (bind.to_vec(), Ending::Closed));
        assert_eq!(ended_by(&[]).await.1, Ending::Closed);
        for cut in 1..bind.len() {
            assert_eq!(ended_by(&bind[..cut]).await, (Vec::new(), Ending::Half), "after {cut}");
        }
        assert_eq!(ended_by(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, (Vec::new(), Ending::NotLdap));
        let longer_inside = [0x30, 0x04, 0x04, 0x09, 0x00, 0x00];
        assert_eq!(ended_by(&longer_inside).await, (Vec::new(), Ending::NotLdap));
        assert_eq!(ended_by(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).await.1, Ending::TooLong);
        assert_eq!(ended_by(&[0x30, 0x80, 0x00, 0x00]).await.1, Ending::NotLdap);
        assert_eq!(ended_by(&nested(NESTING_MAX)).await.1, Ending::Closed);
        assert_eq!(ended_by(&nested(NESTING_MAX + 1)).await, (Vec::new(), Ending::NotLdap));
        assert_eq!(ended_by(&nested(10_000)).await, (Vec::new(), Ending::NotLdap));
    }
}
