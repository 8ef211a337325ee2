//! The bundle: every form in one zip file, with checksums and a page that says what is what.

use std::io::{Cursor, Write as _};

use bytes::Bytes;
use zip::write::SimpleFileOptions;

use super::{ExportError, har, steps_csv, steps_json};
use crate::contents::Contents;
use crate::keys::sha256;

const README: &str = "\
This is one recording of a privileged session.

  steps.csv        what the person did, one line per step
  steps.json       the same with everything that is known of each step
  exchanges.har    the requests to the application and its answers (HTTP Archive 1.2)
  rrweb.json       what the pages looked like: for each document, events for rrweb's replayer
  manifest.json    what the recording said of itself when it began
  seal.json        its last word, signed, when it has ended: counts, coverage, the last link of its chain
  SHA256SUMS       checksums of the files above; check them with: sha256sum -c SHA256SUMS

Values that the page masks were never recorded. Secrets in addresses, headers and bodies were taken out before
anything was kept.
";

pub(super) fn bundle(
    contents: &Contents,
    rrweb: &[u8],
    (manifest, seal): (Bytes, Option<Bytes>),
) -> Result<Vec<u8>, ExportError> {
    let mut files: Vec<(&str, Vec<u8>)> = vec![
        ("steps.csv", steps_csv(contents)),
        ("steps.json", steps_json(contents)?),
        ("exchanges.har", har(contents)?),
        ("rrweb.json", rrweb.to_vec()),
        ("manifest.json", manifest.to_vec()),
    ];
    if let Some(seal) = seal {
        files.push(("seal.json", seal.to_vec()));
    }
    let mut sums = String::new();
    for (name, bytes) in &files {
        let hex: String = sha256(&[bytes]).iter().map(|byte| format!("{byte:02x}")).collect();
        sums.push_str(&format!("{hex}  {name}\n"));
    }
    files.push(("SHA256SUMS", sums.into_bytes()));
    files.push(("README.txt", README.as_bytes().to_vec()));

    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name, SimpleFileOptions::default()).map_err(|_| ExportError::Packing)?;
        zip.write_all(&bytes).map_err(|_| ExportError::Packing)?;
    }
    Ok(zip.finish().map_err(|_| ExportError::Packing)?.into_inner())
}
