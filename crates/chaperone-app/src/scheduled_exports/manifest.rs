//! The manifest of a file: what it holds, and the hash of the manifest before. Manifests of one export are a chain, so
//! that one that is taken out, put in or changed is seen.

use chaperone_domain::scheduled_export::{ExportContent, ExportRun, ScheduledExport};
use serde::{Deserialize, Serialize};

/// The version of the layout.
const FORMAT: u32 = 1;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The version of this layout.
    pub(super) format: u32,
    /// Whose: the id of the scheduled export.
    pub(super) export_id: String,
    /// How people know it.
    pub(super) export_name: String,
    /// `sign_ins`, `audit_events`.
    pub(super) content: String,
    /// Its place in the chain, from 1.
    pub(super) number: i64,
    /// The interval: from here on …
    pub(super) interval_start: String,
    /// … before here.
    pub(super) interval_end: String,
    /// How often the interval was written before: a later one takes the place of an earlier one.
    pub(super) revision: i64,
    /// The file's name.
    pub(super) file: String,
    /// Its rows.
    pub(super) rows: u64,
    /// Its bytes.
    pub(super) bytes: u64,
    /// The SHA-256 of its bytes, as hexadecimal digits.
    pub(super) sha256: String,
    /// Audit events: the first number in it.
    pub(super) first_number: Option<i64>,
    /// Audit events: the last number in it.
    pub(super) last_number: Option<i64>,
    /// When it was written.
    pub(super) written_at: String,
    /// The SHA-256 of the bytes of the manifest before, as hexadecimal digits; nothing before the first.
    pub(super) previous_manifest_sha256: Option<String>,
}

/// A file as it was written.
pub(super) struct FileFacts {
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

impl Manifest {
    pub(super) fn of(
        export: &ScheduledExport,
        run: &ExportRun,
        file: &FileFacts,
        written_at: chaperone_domain::Instant,
        previous: Option<[u8; 32]>,
    ) -> Self {
        let numbered = export.content == ExportContent::AuditEvents && run.last_seq > run.after_seq;
        Self {
            format: FORMAT,
            export_id: export.id.to_string(),
            export_name: export.name.clone(),
            content: export.content.name().to_owned(),
            number: run.number,
            interval_start: run.interval.start.to_string(),
            interval_end: run.interval.end.to_string(),
            revision: run.revision,
            file: file.name.clone(),
            rows: file.rows,
            bytes: file.bytes,
            sha256: hex(&file.sha256),
            first_number: numbered.then_some(run.after_seq + 1),
            last_number: numbered.then_some(run.last_seq),
            written_at: written_at.to_string(),
            previous_manifest_sha256: previous.map(|hash| hex(&hash)),
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|manifest: &Self| manifest.format == FORMAT)
    }
}

/// What the manifest of a file is called.
pub(super) fn name_of_manifest(file: &str) -> String {
    format!("{file}.manifest.json")
}

pub(super) fn hex(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
