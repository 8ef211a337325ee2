//! Answers that no HTTP library lets through, written to the socket as they are.
//!
//! | path | what is wrong |
//! | --- | --- |
//! | `/too-short` | fewer bytes than `Content-Length` says, then the end |
//! | `/too-long` | more bytes than `Content-Length` says |
//! | `/two-lengths` | two different `Content-Length` headers |
//! | `/length-and-chunked` | both `Content-Length` and `Transfer-Encoding` |
//! | `/bad-chunk` | a chunk size that is no number |
//! | `/no-last-chunk` | the end before the last chunk |
//! | `/half-header` | the end in the middle of the headers |
//! | `/no-http` | not HTTP at all |
//! | `/endless-header` | a header line without an end |
//! | `/bare-lf` | lines that end in LF alone |
//! | `/second-answer` | a second answer that nobody asked for |
//! | anything else | a right answer |

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::app::stopped;

/// A request's head must come within this time.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// A longer head is not read, bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// An endless header ends after all, so that a broken client does not fill its memory, bytes.
const ENDLESS: usize = 64 * 1024 * 1024;

/// Answers until told to stop.
pub(crate) async fn serve(listener: TcpListener, stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(async move {
                        if let Err(problem) = answer(stream).await {
                            tracing::debug!(%problem, "a raw connection ended early");
                        }
                    });
                }
                Err(problem) => tracing::warn!(%problem, "cannot accept"),
            },
            Some(_) = connections.join_next() => {}
            () = stopped(stop.clone()) => return,
        }
    }
}

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let Ok(head) = tokio::time::timeout(HEAD_WITHIN, read_head(&mut stream)).await else {
        return Ok(());
    };
    let head = head?;
    let path = head.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap_or("/").to_owned();
    if path == "/endless-header" {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx-endless: ").await?;
        let piece = vec![b'e'; 16 * 1024];
        for _ in 0..ENDLESS / piece.len() {
            stream.write_all(&piece).await?;
        }
    } else {
        stream.write_all(canned(&path)).await?;
    }
    stream.shutdown().await
}

async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut buffer = [0_u8; 4_096];
    while head.len() < LARGEST_HEAD && !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        head.extend_from_slice(&buffer[..read]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn canned(path: &str) -> &'static [u8] {
    match path {
        "/too-short" => b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 1000\r\n\r\n<!doctype html><title>Too short</title>",
        "/too-long" => b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<!doctype html><title>Too long</title><p>This should not be seen.",
        "/two-lengths" => b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\n<p>abcd",
        "/length-and-chunked" => b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n7\r\n<p>abcd\r\n0\r\n\r\n",
        "/bad-chunk" => b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n<p>abcd\r\n0\r\n\r\n",
        "/no-last-chunk" => b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ntransfer-encoding: chunked\r\n\r\n7\r\n<p>abcd\r\n",
        "/half-header" => b"HTTP/1.1 200 OK\r\ncontent-ty",
        "/no-http" => b"220 mail.example ESMTP ready\r\n",
        "/bare-lf" => b"HTTP/1.1 200 OK\ncontent-type: text/html\ncontent-length: 7\n\n<p>abcd",
        "/second-answer" => b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 7\r\n\r\n<p>abcdHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond",
        _ => b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: 42\r\nconnection: close\r\n\r\n<!doctype html><title>Raw</title><p>right\n",
    }
}
