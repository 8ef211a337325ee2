//! A page with its recorder, as the protocol describes it: what a browser would do, without a browser.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;

use super::{Answer, World};

/// One loaded page.
#[derive(Clone)]
pub struct LoadedPage {
    pub document: [u8; 16],
    key: [u8; 32],
    previous: [u8; 16],
    pub sequence: u32,
    pub epoch: u16,
}

pub const SNAPSHOT: &str = r#"["d",{"type":2,"data":{"node":{}},"timestamp":1}]"#;
pub const HELLO: &str = r#"["h",{"type":"hello","url":"http://erp.localhost/","title":"","referrer":"","user_agent":"t","viewport":[1,1],"frame":false}]"#;

impl LoadedPage {
    /// The page in this HTML.
    pub fn of(html: &str) -> Self {
        let token =
            html.split("data-c=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("has our tag");
        let token: [u8; 48] = URL_SAFE_NO_PAD.decode(token).expect("base64").try_into().expect("48 bytes");
        let mut page = Self { document: [0; 16], key: [0; 32], previous: [0; 16], sequence: 0, epoch: 0 };
        page.document.copy_from_slice(&token[..16]);
        page.key.copy_from_slice(&token[16..]);
        page
    }

    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.key));
        for part in parts {
            context.update(part);
        }
        context.sign().as_ref()[..16].try_into().expect("16 bytes")
    }

    /// The next batch with these entries; the page goes on as if it were sent.
    pub fn batch(&mut self, entries: &[&str]) -> Vec<u8> {
        self.batch_with(entries, 0)
    }

    pub fn batch_with(&mut self, entries: &[&str], flags: u8) -> Vec<u8> {
        let body = format!("[{}]", entries.join(","));
        let mut bytes = b"CHB1".to_vec();
        bytes.extend_from_slice(&self.document);
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&[0, flags]);
        bytes.extend_from_slice(&1_u64.to_be_bytes());
        bytes.extend_from_slice(&u16::try_from(entries.len()).expect("few").to_be_bytes());
        bytes.extend_from_slice(&u32::try_from(body.len()).expect("short").to_be_bytes());
        bytes.extend_from_slice(&self.previous);
        bytes.extend_from_slice(body.as_bytes());
        let mac = self.mac(&[b"batch:", &bytes]);
        bytes.extend_from_slice(&mac);
        self.previous = mac;
        self.sequence += 1;
        bytes
    }

    /// Sends the next batch.
    pub async fn send(&mut self, world: &World, entries: &[&str]) -> Answer {
        let batch = self.batch(entries);
        world.batch(batch).await
    }

    /// Says hello and takes the first snapshot, as every recorder does.
    pub async fn begin(&mut self, world: &World) {
        for entries in [&[HELLO][..], &[SNAPSHOT][..]] {
            let batch = self.batch(entries);
            let mut answer = world.batch(batch.clone()).await;
            // A disk that is full for a moment: every recorder sends again what was not acknowledged.
            while answer.status == 503 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                answer = world.batch(batch.clone()).await;
            }
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }

    /// The proof for a request: everything up to the last batch.
    pub fn proof(&self, method: &str, path: &str) -> String {
        self.proof_of(self.sequence - 1, method, path)
    }

    pub fn proof_of(&self, sequence: u32, method: &str, path: &str) -> String {
        let number = sequence.to_string();
        let mac = self.mac(&[b"req:", number.as_bytes(), b":", method.as_bytes(), b":", path.as_bytes()]);
        format!("{}.{sequence}.{}", URL_SAFE_NO_PAD.encode(self.document), URL_SAFE_NO_PAD.encode(mac))
    }

    /// Whether an acknowledgement is ours.
    pub fn believes(&self, answer: &Answer) -> bool {
        let mac = URL_SAFE_NO_PAD.encode(self.mac(&[b"ack:", &answer.body]));
        answer.header("x-chaperone-mac") == Some(mac.as_str())
    }
}

/// An intent for a request.
pub fn intent(method: &Method, path: &str, via: &str) -> String {
    format!(r#"["i",{{"id":"1","method":"{method}","url":"{path}","via":"{via}","step":0,"t":1}}]"#)
}

/// A click.
pub fn step(seq: u32) -> String {
    format!(
        r#"["s",{{"seq":{seq},"t":1,"tm":1,"kind":"click","label":"Save","role":"button","selectors":[],"value":null,"trusted":true,"page":{{"url":"/","title":""}}}}]"#
    )
}
