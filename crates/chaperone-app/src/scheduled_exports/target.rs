//! Where files go: a folder of this machine, or a bucket that speaks S3.
//!
//! Both are an [`ObjectStore`]: what is put there appears whole, under its name, once it is durable; a folder writes a
//! temporary file, syncs it, and moves it. Secrets are named and read when they are needed.

use std::fmt;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use chaperone_connectors::{SecretRef, Secrets};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig};
use serde::{Deserialize, Serialize};

/// Longest path, bucket, prefix or address, in characters.
const TEXT_MAX_CHARS: usize = 1_000;
/// How long one request to a bucket may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// How long connecting to a bucket may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How often a request to a bucket is repeated at once; the run is tried again later anyway.
const REQUEST_RETRIES: usize = 2;
/// How long such repetitions go on.
const RETRY_LIMIT: Duration = Duration::from_secs(30);
/// The file that is written, and removed again, to see whether a target takes anything.
const PROBE: &str = "chaperone-probe";

/// Where files go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ExportTarget {
    /// A folder of this machine.
    Folder {
        /// Its path, from the root.
        path: String,
    },
    /// A bucket that speaks S3.
    S3 {
        /// Its name.
        bucket: String,
        /// What the names of files begin with, as a folder.
        #[serde(default)]
        prefix: String,
        /// Its region.
        region: String,
        /// Its address, when it is not the one of Amazon.
        #[serde(default)]
        endpoint: Option<String>,
        /// Who we are there; without it, what the machine itself is.
        #[serde(default)]
        access_key_id: Option<String>,
        /// Where the secret for that is.
        #[serde(default)]
        secret_access_key: Option<SecretRef>,
    },
}

/// Why a target cannot be used, in a sentence that says what to do. Without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetProblem(pub(super) String);

impl TargetProblem {
    fn new(sentence: impl fmt::Display) -> Self {
        Self(sentence.to_string())
    }
}

/// A target that can be written to.
#[derive(Clone)]
pub(super) struct Opened {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    words: String,
}

impl ExportTarget {
    /// Reads a target from its JSON.
    pub fn parse(json: &serde_json::Value) -> Result<Self, TargetProblem> {
        let target: Self = serde_json::from_value(json.clone()).map_err(|error| {
            TargetProblem::new(format!(
                "Name a target like {{\"kind\": \"folder\", \"path\": \"/srv/exports\"}} or {{\"kind\": \"s3\", \
                 \"bucket\": …, \"region\": …}}: {error}."
            ))
        })?;
        target.check()?;
        Ok(target)
    }

    fn check(&self) -> Result<(), TargetProblem> {
        let sized = |name: &str, text: &str| {
            let chars = text.chars().count();
            if chars == 0 || chars > TEXT_MAX_CHARS || text.chars().any(char::is_control) {
                return Err(TargetProblem::new(format!("Give {name} in 1 to {TEXT_MAX_CHARS} characters.")));
            }
            Ok(())
        };
        match self {
            Self::Folder { path } => {
                sized("the path", path)?;
                if !FilePath::new(path).is_absolute() {
                    return Err(TargetProblem::new("Give the whole path of the folder, from the root."));
                }
            }
            Self::S3 { bucket, prefix, region, endpoint, access_key_id, secret_access_key } => {
                sized("the bucket", bucket)?;
                sized("the region", region)?;
                if prefix.chars().count() > TEXT_MAX_CHARS || Path::parse(prefix.trim_matches('/')).is_err() {
                    return Err(TargetProblem::new("The prefix is a path like exports/chaperone."));
                }
                let web =
                    |address: &String| address.starts_with("https://") || address.starts_with("http://");
                if endpoint
                    .as_ref()
                    .is_some_and(|address| !web(address) || sized("the address", address).is_err())
                {
                    return Err(TargetProblem::new("The endpoint is an address that begins with https://."));
                }
                if access_key_id.is_some() != secret_access_key.is_some() {
                    return Err(TargetProblem::new(
                        "Give both access_key_id and secret_access_key, or neither when the machine itself may write.",
                    ));
                }
            }
        }
        Ok(())
    }

    /// As it is kept.
    pub(super) fn to_json(&self) -> Result<String, TargetProblem> {
        serde_json::to_string(self).map_err(TargetProblem::new)
    }

    /// In a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Folder { path } => format!("the folder {path}"),
            Self::S3 { bucket, .. } => format!("the bucket {bucket}"),
        }
    }

    /// Opens the target; nothing is written yet.
    pub(super) fn open(&self, secrets: &Secrets) -> Result<Opened, TargetProblem> {
        let words = self.words();
        match self {
            Self::Folder { path } => {
                let is_folder = std::fs::metadata(path).map(|about| about.is_dir());
                match is_folder {
                    Ok(true) => {}
                    Ok(false) => {
                        return Err(TargetProblem::new(format!(
                            "{path} is no folder: name one that is there."
                        )));
                    }
                    Err(error) => return Err(TargetProblem::new(of_io(&words, &error))),
                }
                let store = LocalFileSystem::new_with_prefix(path)
                    .map_err(|error| TargetProblem::new(in_words(&words, &error)))?
                    .with_fsync(true);
                Ok(Opened { store: Arc::new(store), prefix: Path::default(), words })
            }
            Self::S3 { bucket, prefix, region, endpoint, access_key_id, secret_access_key } => {
                let retry = RetryConfig {
                    max_retries: REQUEST_RETRIES,
                    retry_timeout: RETRY_LIMIT,
                    ..RetryConfig::default()
                };
                let plain = endpoint.as_ref().is_some_and(|address| address.starts_with("http://"));
                let client = ClientOptions::new()
                    .with_timeout(REQUEST_LIMIT)
                    .with_connect_timeout(CONNECT_LIMIT)
                    .with_allow_http(plain);
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(bucket)
                    .with_region(region)
                    .with_client_options(client)
                    .with_retry(retry);
                if let Some(address) = endpoint {
                    builder = builder.with_endpoint(address).with_allow_http(plain);
                }
                if let (Some(id), Some(reference)) = (access_key_id, secret_access_key) {
                    let secret = secrets.read(reference).map_err(TargetProblem::new)?;
                    builder = builder.with_access_key_id(id).with_secret_access_key(secret.as_str());
                }
                let store = builder.build().map_err(|error| TargetProblem::new(in_words(&words, &error)))?;
                let prefix = Path::parse(prefix.trim_matches('/')).map_err(TargetProblem::new)?;
                Ok(Opened { store: Arc::new(store), prefix, words })
            }
        }
    }
}

impl Opened {
    pub(super) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Where files are.
    pub(super) fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The place of a file.
    pub(super) fn place(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    /// What went wrong, in words.
    pub(super) fn problem(&self, error: &object_store::Error) -> TargetProblem {
        TargetProblem::new(in_words(&self.words, error))
    }

    /// Tries whether a file can be written and removed again.
    pub(super) async fn probe(&self) -> Result<(), TargetProblem> {
        let place = self.place(PROBE);
        self.store
            .put(&place, PutPayload::from_static(b"Chaperone tries whether exports can be written here.\n"))
            .await
            .map_err(|error| self.problem(&error))?;
        self.store.delete(&place).await.map_err(|error| self.problem(&error))
    }
}

/// What a store says, in words for people. What it said itself is for the log.
fn in_words(target: &str, error: &object_store::Error) -> String {
    tracing::warn!(target_words = target, %error, "an export's target refuses");
    if let Some(io) = io_error(error) {
        return of_io(target, io);
    }
    match error {
        object_store::Error::NotFound { .. } => {
            format!("Something is missing: {target}, or a part of it, is not there. Look whether it exists.")
        }
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            format!("We may not write to {target}. Look at the key, its secret, and what it is allowed.")
        }
        _ => {
            let said = error.to_string();
            if said.contains("NoSuchBucket") {
                return format!("It is not there: {target}. Make it, or name another one.");
            }
            if ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"]
                .iter()
                .any(|why| said.contains(why))
            {
                return format!(
                    "We may not write to {target}. Look at the key, its secret, and what it is allowed."
                );
            }
            format!("We cannot reach {target}, or it does not take what we write. It is tried again.")
        }
    }
}

/// The error of the machine behind an error of the store.
fn io_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e std::io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && io.raw_os_error().is_some()
        {
            return Some(io);
        }
        next = error.source();
    }
    None
}

fn of_io(target: &str, error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            format!("There is no room left in {target}. Make room; it is tried again.")
        }
        ErrorKind::ReadOnlyFilesystem => {
            format!(
                "Nothing can be written to {target}: it is read-only. Mount it for writing; it is tried again."
            )
        }
        ErrorKind::PermissionDenied => {
            format!("We may not write to {target}. Give the user that runs Chaperone the right to.")
        }
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            format!("It is not there: {target}. Make it, or mount what belongs there; it is tried again.")
        }
        ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NotConnected
        | ErrorKind::BrokenPipe
        | ErrorKind::TimedOut => format!("We cannot reach {target}. It is tried again."),
        _ => format!("Nothing can be written to {target}: {error}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_target_that_cannot_be_meant_is_refused_with_what_to_do() {
        let key = json!("file:key");
        for (target, expected) in [
            (json!({}), "Name a target like"),
            (json!({"kind": "ftp", "path": "/x"}), "Name a target like"),
            (json!({"kind": "folder", "path": "/x", "more": 1}), "Name a target like"),
            (json!({"kind": "folder", "path": ""}), "1 to 1000 characters"),
            (json!({"kind": "folder", "path": "exports"}), "whole path"),
            (json!({"kind": "s3", "bucket": "b"}), "region"),
            (json!({"kind": "s3", "bucket": "b", "region": "r", "endpoint": "ftp://x"}), "https://"),
            (json!({"kind": "s3", "bucket": "b", "region": "r", "access_key_id": "id"}), "or neither"),
            (json!({"kind": "s3", "bucket": "b", "region": "r", "secret_access_key": key}), "or neither"),
            (
                json!({"kind": "s3", "bucket": "b", "region": "r", "access_key_id": "id", "secret_access_key": "typed"}),
                "named, not typed",
            ),
            (json!({"kind": "s3", "bucket": "b", "region": "r", "prefix": "a/../b"}), "prefix is a path"),
        ] {
            let problem = ExportTarget::parse(&target).expect_err("refused").to_string();
            assert!(problem.contains(expected), "{target}: {problem}");
        }
    }

    #[test]
    fn a_target_reads_back_as_it_was_written_and_holds_no_secret() {
        let target = json!({"kind": "s3", "bucket": "b", "region": "r", "access_key_id": "id",
            "secret_access_key": "file:key", "prefix": "a/b", "endpoint": null});
        let target = ExportTarget::parse(&target).expect("in order");
        let kept = target.to_json().expect("kept");
        assert!(kept.contains("file:key"));
        assert_eq!(ExportTarget::parse(&serde_json::from_str(&kept).expect("JSON")), Ok(target));
    }

    #[test]
    fn a_folder_that_is_not_there_says_so() {
        let secrets = Secrets::new("/nowhere");
        let gone = ExportTarget::Folder { path: "/nowhere/at/all".to_owned() };
        let problem = gone.open(&secrets).err().expect("refused").to_string();
        assert!(problem.contains("It is not there: the folder /nowhere/at/all"), "{problem}");
        let file = ExportTarget::Folder { path: "/etc/hostname".to_owned() };
        assert!(file.open(&secrets).err().expect("refused").to_string().contains("no folder"));
    }

    #[test]
    fn what_the_machine_refuses_is_told_by_its_cause() {
        const ENOENT: i32 = 2;
        const EACCES: i32 = 13;
        const ENOSPC: i32 = 28;
        const EROFS: i32 = 30;
        for (number, sentence) in [
            (
                EROFS,
                "Nothing can be written to the folder /srv/exports: it is read-only. Mount it for writing; it is tried again.",
            ),
            (ENOSPC, "There is no room left in the folder /srv/exports. Make room; it is tried again."),
            (
                EACCES,
                "We may not write to the folder /srv/exports. Give the user that runs Chaperone the right to.",
            ),
            (
                ENOENT,
                "It is not there: the folder /srv/exports. Make it, or mount what belongs there; it is tried again.",
            ),
        ] {
            let error = std::io::Error::from_raw_os_error(number);
            assert_eq!(of_io("the folder /srv/exports", &error), sentence, "{error}");
        }
    }
}
