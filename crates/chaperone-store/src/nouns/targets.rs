//! Targets.

use chaperone_domain::ids::{DirectoryId, TargetId};
use chaperone_domain::target::{Target, TargetIdentity, TargetRecording, WebServicesInSession};

use super::one_row;
use crate::StoreError;
use crate::columns::micros;
use crate::sql::{Reads, Row, args, json_texts};
use crate::tx::WriteTx;

const COLUMNS: &str = "id, name, host, directory_id, upstream, identity, recording, web_services_in_session, \
                       audit_enabled, entry_posts, created_at, version";

fn read(row: &mut Row<'_>) -> Result<Target, StoreError> {
    Ok(Target {
        id: row.id(TargetId::new)?,
        name: row.text()?,
        host: row.text()?,
        directory_id: row.id(DirectoryId::new)?,
        upstream: row.text()?,
        identity: row.named(TargetIdentity::parse, "targets.identity")?,
        recording: row.named(TargetRecording::parse, "targets.recording")?,
        web_services_in_session: row.named(WebServicesInSession::parse, "targets.web_services_in_session")?,
        audit_enabled: row.take()?,
        entry_posts: row.texts("targets.entry_posts")?,
        created_at: row.instant("targets.created_at")?,
        version: row.take()?,
    })
}

impl Reads<'_> {
    /// The target of that id.
    pub async fn target(&self, id: TargetId) -> Result<Option<Target>, StoreError> {
        self.place.one(&format!("SELECT {COLUMNS} FROM targets WHERE id = $1"), args![id.uuid()], read).await
    }

    /// Every target, by name.
    pub async fn targets(&self) -> Result<Vec<Target>, StoreError> {
        self.place.all(&format!("SELECT {COLUMNS} FROM targets ORDER BY name, id"), args![], read).await
    }

    /// The target of that host.
    pub async fn target_by_host(&self, host: &str) -> Result<Option<Target>, StoreError> {
        self.place.one(&format!("SELECT {COLUMNS} FROM targets WHERE host = $1"), args![host], read).await
    }
}

impl WriteTx {
    /// Adds a target; its host is unique.
    pub async fn insert_target(&mut self, target: &Target) -> Result<(), StoreError> {
        let sql = "INSERT INTO targets (id, name, host, directory_id, upstream, identity, recording, \
                   web_services_in_session, audit_enabled, entry_posts, created_at, version) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let values = args![
            target.id.uuid(),
            target.name.as_str(),
            target.host.as_str(),
            target.directory_id.uuid(),
            target.upstream.as_str(),
            target.identity.name(),
            target.recording.name(),
            target.web_services_in_session.name(),
            target.audit_enabled,
            json_texts(target.entry_posts.iter().cloned()),
            micros(target.created_at),
            target.version,
        ];
        self.place().run(sql, values).await.map(|_| ())
    }

    /// Changes a target.
    pub async fn update_target(&mut self, target: &Target, expected_version: i64) -> Result<(), StoreError> {
        let sql = "UPDATE targets SET name = $1, host = $2, directory_id = $3, upstream = $4, identity = $5, \
                   recording = $6, web_services_in_session = $7, audit_enabled = $8, entry_posts = $9, \
                   version = $10 WHERE id = $11 AND version = $12";
        let values = args![
            target.name.as_str(),
            target.host.as_str(),
            target.directory_id.uuid(),
            target.upstream.as_str(),
            target.identity.name(),
            target.recording.name(),
            target.web_services_in_session.name(),
            target.audit_enabled,
            json_texts(target.entry_posts.iter().cloned()),
            expected_version + 1,
            target.id.uuid(),
            expected_version,
        ];
        one_row(self.place().run(sql, values).await?)
    }

    /// Removes a target; [`StoreError::Reference`] while a privileged session names it.
    pub async fn delete_target(&mut self, id: TargetId) -> Result<(), StoreError> {
        one_row(self.place().run("DELETE FROM targets WHERE id = $1", args![id.uuid()]).await?)
    }
}
