//! The bundle: every form in one zip file, with pictures and fonts, checksums, and a page that says what is what.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

use bytes::Bytes;
use zip::write::SimpleFileOptions;

use super::{ExportError, har, rrweb, steps_csv, steps_json};
use crate::contents::Contents;
use crate::frame::Hash;
use crate::keys::sha256;
use crate::vault::{Vault, VaultError};
use crate::wire::to_hex;

/// Bytes of pictures and fonts in one bundle; the first ones of the recording come first.
const ASSETS_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Pictures and fonts that are put in a bundle, and how their files end. Pictures that may hold scripts (SVG) are not:
/// somebody might open them.
const ASSET_TYPES: [(&str, &str); 14] = [
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("image/avif", "avif"),
    ("image/bmp", "bmp"),
    ("image/x-icon", "ico"),
    ("image/vnd.microsoft.icon", "ico"),
    ("font/woff", "woff"),
    ("font/woff2", "woff2"),
    ("font/ttf", "ttf"),
    ("font/otf", "otf"),
    ("application/font-woff", "woff"),
    ("application/font-woff2", "woff2"),
];

const README: &str = r#"
What is in this folder:

  steps.csv        what the person did, one line per step; opens in a spreadsheet
  steps.json       the same with everything that is known of each step
  exchanges.har    the requests to the application and its answers (HTTP Archive 1.2); opens in a browser's
                   developer tools
  rrweb.json       what the pages looked like: for each page, events for rrweb's replayer
  assets/          pictures and fonts of these pages, as they were served
  manifest.json    what the recording said of itself when it began
  seal.json        its last word, signed, when it has ended: counts, coverage, the last link of its chain
  SHA256SUMS       checksums of all of these; check them with: sha256sum -c SHA256SUMS

To watch a page, install rrweb's replayer in this folder (npm install @rrweb/replay@2), serve the folder with any web
server, and open a page in it that holds

  <link rel="stylesheet" href="node_modules/@rrweb/replay/dist/style.css">
  <script type="module">
    import { Replayer } from "./node_modules/@rrweb/replay/dist/replay.js";
    const recording = await (await fetch("rrweb.json")).json();
    new Replayer(recording.documents[0].events, { root: document.body }).play();
  </script>

Several pages can have been open at once, so each of them has its own events. Scripts, links and everything that
would be fetched from elsewhere have been taken out of them.

Values that are secret were never recorded; they read as masked. Secrets in addresses, headers and bodies were taken
out before anything was kept. A cell of steps.csv that a spreadsheet would take for a formula begins with an apostrophe.
"#;

pub(super) async fn bundle(
    vault: &Vault,
    contents: &Contents,
    (manifest, seal): (Bytes, Option<Bytes>),
) -> Result<Vec<u8>, ExportError> {
    let mut assets = Assets { contents, room: ASSETS_MAX_BYTES, wanted: BTreeMap::new() };
    let pages = rrweb::file(vault, contents, &mut |url, at| assets.name_of(url, at)).await?;
    let mut zip = Zip { writer: zip::ZipWriter::new(Cursor::new(Vec::new())), sums: String::new() };
    zip.add("steps.csv", &steps_csv(contents))?;
    zip.add("steps.json", &steps_json(contents)?)?;
    zip.add("exchanges.har", &har(contents)?)?;
    zip.add("rrweb.json", &pages)?;
    for (name, hash) in &assets.wanted {
        match vault.asset(hash).await {
            Ok(asset) => zip.add(name, &asset.bytes)?,
            // What cannot be shown is a hole in a page, and no reason to keep the rest back.
            Err(VaultError::NotFound | VaultError::Damaged { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    zip.add("manifest.json", &manifest)?;
    if let Some(seal) = seal {
        zip.add("seal.json", &seal)?;
    }
    let sums = std::mem::take(&mut zip.sums);
    zip.add("SHA256SUMS", sums.as_bytes())?;
    zip.add("README.txt", format!("{}{README}", first_lines(contents)).as_bytes())?;
    Ok(zip.writer.finish().map_err(|_| ExportError::Packing)?.into_inner())
}

/// Whose recording it is, and how complete.
fn first_lines(contents: &Contents) -> String {
    let (manifest, coverage) = (&contents.manifest, &contents.timeline.coverage);
    let account = manifest.account_name.as_deref().map(|name| format!(" as {name}")).unwrap_or_default();
    let mut lines = format!(
        "Recording {}\n{}{account}, from {}\n\n",
        manifest.recording_id, manifest.user_name, manifest.started_at
    );
    for (what, count) in [
        ("Steps", contents.timeline.steps.len() as u64),
        ("Changes that reached the application", coverage.changes_released),
        ("  with evidence on disk before they left", coverage.changes_with_evidence),
        ("  that follow from a step", coverage.changes_explained),
        ("Values in them that no step entered", coverage.unexplained_values),
        ("Changes refused", coverage.changes_refused),
        ("Gaps", coverage.gaps),
        ("Areas not recorded", coverage.areas_not_recorded),
    ] {
        lines.push_str(&format!("{what:<42}{count}\n"));
    }
    let missing = contents.timeline.missing();
    if !missing.is_empty() {
        lines.push_str("\nNot in the recording:\n");
        for missing in missing {
            let at = missing.at.map(|at| format!("{at}  ")).unwrap_or_default();
            lines.push_str(&format!("  {at}{}\n", missing.sentence));
        }
    }
    if let Some(damage) = &contents.damage {
        lines.push_str(&format!("\nThe recording is damaged: {damage}. What is here is what was before.\n"));
    }
    lines
}

/// The pictures and fonts that pages ask for.
struct Assets<'a> {
    contents: &'a Contents,
    room: u64,
    wanted: BTreeMap<String, Hash>,
}

impl Assets<'_> {
    fn name_of(&mut self, url: &str, at: jiff::Timestamp) -> Option<String> {
        let asset = self.contents.timeline.asset_at(url, at)?;
        let essence = asset.content_type.split(';').next()?.trim().to_ascii_lowercase();
        let (_, end) = ASSET_TYPES.iter().find(|(known, _)| *known == essence)?;
        let name = format!("assets/{}.{end}", to_hex(&asset.sha256));
        if !self.wanted.contains_key(&name) {
            self.room = self.room.checked_sub(asset.bytes)?;
            self.wanted.insert(name.clone(), asset.sha256);
        }
        Some(name)
    }
}

struct Zip {
    writer: zip::ZipWriter<Cursor<Vec<u8>>>,
    sums: String,
}

impl Zip {
    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        self.sums.push_str(&format!("{}  {name}\n", to_hex(&sha256(&[bytes]))));
        self.writer.start_file(name, SimpleFileOptions::default()).map_err(|_| ExportError::Packing)?;
        self.writer.write_all(bytes).map_err(|_| ExportError::Packing)
    }
}
