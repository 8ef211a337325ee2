//! Download: a recording as a file, in the forms of [`exports`].

use chaperone_recording::exports::{self, ExportError};

use super::*;

/// A form in which a recording can be downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownloadFormat {
    /// Zip of all others with checksums.
    Bundle,
    /// Events that upstream rrweb replays.
    Rrweb,
    /// Steps as JSON.
    StepsJson,
    /// Steps as CSV.
    StepsCsv,
    /// Exchanges as HAR 1.2.
    Har,
}

impl DownloadFormat {
    /// Every form.
    pub const ALL: [Self; 5] = [Self::Bundle, Self::Rrweb, Self::StepsJson, Self::StepsCsv, Self::Har];

    /// The stable name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Rrweb => "rrweb",
            Self::StepsJson => "steps.json",
            Self::StepsCsv => "steps.csv",
            Self::Har => "har",
        }
    }

    /// The form of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The end of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Bundle => "zip",
            Self::Rrweb => "rrweb.json",
            Self::StepsJson => "steps.json",
            Self::StepsCsv => "steps.csv",
            Self::Har => "har",
        }
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Bundle => "application/zip",
            Self::Rrweb | Self::StepsJson | Self::Har => "application/json",
            Self::StepsCsv => "text/csv; charset=utf-8",
        }
    }
}

impl App {
    /// A recording as a file; the trail says who took it.
    pub async fn download_recording(
        &self,
        op: &Op,
        id: RecordingId,
        format: DownloadFormat,
    ) -> Result<(String, Vec<u8>), AppError> {
        let view = self.watchable(op, id).await?;
        let contents = self.contents(id).await?;
        let event = op
            .event(AuditAction::RecordingDownloaded, "recording", id)
            .in_session(view.recording.privileged_session_id)
            .with("format", format.name());
        self.note(event).await?;
        let made = match format {
            DownloadFormat::Bundle => exports::bundle(&self.vault, id, &contents).await,
            DownloadFormat::Rrweb => exports::rrweb(&self.vault, &contents).await,
            DownloadFormat::StepsJson => exports::steps_json(&contents),
            DownloadFormat::StepsCsv => Ok(exports::steps_csv(&contents)),
            DownloadFormat::Har => exports::har(&contents),
        };
        let bytes = made.map_err(|error| match error {
            ExportError::Vault(error) => AppError::from(error),
            ExportError::Packing => AppError::Inside("a recording could not be packed"),
        })?;
        Ok((format!("recording-{id}.{}", format.extension()), bytes))
    }
}
