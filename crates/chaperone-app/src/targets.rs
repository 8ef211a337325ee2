//! Targets: add, change, remove.

use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::{DirectoryId, TargetId};
use chaperone_domain::privileged_session::State;
use chaperone_domain::target::{Target, TargetIdentity, TargetRecording, WebServicesInSession, is_host};
use chaperone_domain::user::Role;
use chaperone_store::{Events, StoreError};

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::{AppError, FieldProblem};
use crate::op::{EventExt as _, Op, Who};
use crate::secrets;

/// Most paths for cross-site form posts.
pub const ENTRY_POSTS_MAX: usize = 20;

/// Everything about a target that people decide.
#[derive(Clone, Debug)]
pub struct TargetFields {
    /// How people know it.
    pub name: String,
    /// The host name in the browser.
    pub host: String,
    /// Where its accounts live; the built-in directory when `None`.
    pub directory_id: Option<DirectoryId>,
    /// The address of the application.
    pub upstream: String,
    /// How it learns who is there.
    pub identity: TargetIdentity,
    /// Which sign-ins are recorded.
    pub recording: TargetRecording,
    /// Web services inside privileged sessions.
    pub web_services_in_session: WebServicesInSession,
    /// Whether user access auditing covers it.
    pub audit_enabled: bool,
    /// Paths that take cross-site form posts.
    pub entry_posts: Vec<String>,
}

fn check(fields: &TargetFields) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut wrong = |field, name, detail: &str| {
        problems.push(FieldProblem { name, field, detail: detail.to_owned() });
    };
    if fields.name.trim().is_empty() || fields.name.chars().count() > 200 {
        wrong("name", "name-length", "Give it a name of 1 to 200 characters.");
    }
    if !is_host(&fields.host) {
        wrong(
            "host",
            "not-a-host",
            "Write the host name alone, in lower case and without port: erp.example.org",
        );
    }
    let rest = fields.upstream.strip_prefix("http://").or_else(|| fields.upstream.strip_prefix("https://"));
    let plain = |rest: &str| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c))
    };
    if !rest.is_some_and(plain) {
        wrong(
            "upstream",
            "not-an-address",
            "Write the address of the application without a path: http://10.0.0.5:8080 or https://erp.internal",
        );
    }
    if fields.entry_posts.len() > ENTRY_POSTS_MAX
        || fields.entry_posts.iter().any(|path| !path.starts_with('/') || path.len() > 1000)
    {
        wrong("entry_posts", "not-paths", "Write at most 20 paths, each beginning with a slash.");
    }
    problems
}

impl App {
    /// The targets; every signed-in user may see where one can go.
    pub async fn targets(&self, op: &Op) -> Result<Vec<Target>, AppError> {
        op.user()?;
        Ok(self.store.read().targets().await?)
    }

    /// One target.
    pub async fn target(&self, op: &Op, id: TargetId) -> Result<Target, AppError> {
        op.user()?;
        self.store.read().target(id).await?.ok_or(AppError::NotFound { noun: "target" })
    }

    /// Adds a target.
    pub async fn create_target(&self, op: &Op, fields: TargetFields) -> Result<Target, AppError> {
        if !matches!(op.who, Who::System) {
            op.require(&[Role::SystemAdministrator])?;
        }
        let target = self.to_target(TargetId::new(secrets::new_uuid(op.at)), fields, op.at, 1).await?;
        let (tx_op, row) = (op.clone(), target.clone());
        let written = self
            .store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    tx.insert_target(&row).await?;
                    let event = op
                        .event(AuditAction::TargetCreated, "target", row.id)
                        .with("name", row.name.as_str())
                        .with("host", row.host.as_str())
                        .with("upstream", row.upstream.as_str())
                        .with("identity", row.identity.name())
                        .with("recording", row.recording.name())
                        .with("audit_enabled", row.audit_enabled);
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        self.after_target_write(written, &target).await?;
        Ok(target)
    }

    /// Changes a target.
    pub async fn change_target(
        &self,
        op: &Op,
        id: TargetId,
        version: Option<i64>,
        change: impl FnOnce(&mut TargetFields),
    ) -> Result<Target, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let before = self.target(op, id).await?;
        if version.is_some_and(|version| version != before.version) {
            return Err(AppError::Stale);
        }
        let mut fields = TargetFields {
            name: before.name.clone(),
            host: before.host.clone(),
            directory_id: Some(before.directory_id),
            upstream: before.upstream.clone(),
            identity: before.identity,
            recording: before.recording,
            web_services_in_session: before.web_services_in_session,
            audit_enabled: before.audit_enabled,
            entry_posts: before.entry_posts.clone(),
        };
        change(&mut fields);
        let mut after = self.to_target(id, fields, before.created_at, before.version).await?;
        let (tx_op, row, old) = (op.clone(), after.clone(), before.clone());
        let written = self
            .store
            .write(move |tx| {
                let (op, row, old) = (tx_op.clone(), row.clone(), old.clone());
                Box::pin(async move {
                    tx.update_target(&row, old.version).await?;
                    let event = op
                        .event(AuditAction::TargetChanged, "target", row.id)
                        .changed("name", &old.name, &row.name)
                        .changed("host", &old.host, &row.host)
                        .changed("upstream", &old.upstream, &row.upstream)
                        .changed("identity", &old.identity.name(), &row.identity.name())
                        .changed("recording", &old.recording.name(), &row.recording.name())
                        .changed(
                            "web_services_in_session",
                            &old.web_services_in_session.name(),
                            &row.web_services_in_session.name(),
                        )
                        .changed("audit_enabled", &old.audit_enabled, &row.audit_enabled)
                        .changed("entry_posts", &old.entry_posts.join(" "), &row.entry_posts.join(" "));
                    let mut events = Events::one(event);
                    if old.audit_enabled != row.audit_enabled {
                        let action = if row.audit_enabled {
                            AuditAction::TargetAuditStarted
                        } else {
                            AuditAction::TargetAuditStopped
                        };
                        events = events.and(op.event(action, "target", row.id).changed(
                            "audit_enabled",
                            &old.audit_enabled,
                            &row.audit_enabled,
                        ));
                    }
                    Ok::<_, AppError>(tx.commit((), events))
                })
            })
            .await;
        self.after_target_write(written, &after).await?;
        after.version = before.version + 1;
        Ok(after)
    }

    /// Removes a target that no open session names.
    pub async fn remove_target(&self, op: &Op, id: TargetId) -> Result<(), AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let target = self.target(op, id).await?;
        let open = [State::Draft, State::Approved, State::Starting, State::Active, State::Ending];
        let named = self.store.read().sessions_in(&open).await?;
        if named.iter().any(|session| session.target_ids.contains(&id)) {
            return Err(AppError::refused(
                "target-in-use",
                "A privileged session that is not over names this target: end or cancel it first.",
            ));
        }
        let op = op.clone();
        let name = target.name.clone();
        self.store
            .write(move |tx| {
                let (op, name) = (op.clone(), name.clone());
                Box::pin(async move {
                    tx.delete_target(id).await?;
                    let event = op.event(AuditAction::TargetRemoved, "target", id).with("name", name);
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.reload_targets().await?;
        self.changes.tell(ChangedNoun::Target, id.uuid(), Vec::new());
        Ok(())
    }

    async fn to_target(
        &self,
        id: TargetId,
        fields: TargetFields,
        created_at: chaperone_domain::Instant,
        version: i64,
    ) -> Result<Target, AppError> {
        let mut problems = check(&fields);
        let directory_id = match fields.directory_id {
            Some(id) => id,
            None => self.built_in_directory().await?.id,
        };
        if self.store.read().directory(directory_id).await?.is_none_or(|found| found.removed_at.is_some()) {
            problems.push(FieldProblem {
                name: "unknown-directory",
                field: "directory_id",
                detail: "There is no such directory.".to_owned(),
            });
        }
        let own = |address: &str| {
            address.contains(&format!("://{}:", fields.host)) || address.ends_with(&fields.host)
        };
        if own(&self.addresses.console) || own(&self.addresses.replay) {
            problems.push(FieldProblem {
                name: "host-taken",
                field: "host",
                detail: "This host is Chaperone's own: a target needs one of its own.".to_owned(),
            });
        }
        if !problems.is_empty() {
            return Err(AppError::Invalid(problems));
        }
        Ok(Target {
            id,
            name: fields.name,
            host: fields.host,
            directory_id,
            upstream: fields.upstream,
            identity: fields.identity,
            recording: fields.recording,
            web_services_in_session: fields.web_services_in_session,
            audit_enabled: fields.audit_enabled,
            entry_posts: fields.entry_posts,
            created_at,
            version,
        })
    }

    async fn after_target_write(
        &self,
        written: Result<(), AppError>,
        target: &Target,
    ) -> Result<(), AppError> {
        match written {
            Ok(()) => {}
            Err(AppError::Store(StoreError::Conflict { .. })) => {
                return Err(AppError::Conflict {
                    detail: format!("A target with the host {} is there already.", target.host),
                });
            }
            Err(error) => return Err(error),
        }
        self.reload_targets().await?;
        self.changes.tell(ChangedNoun::Target, target.id.uuid(), Vec::new());
        Ok(())
    }

    async fn reload_targets(&self) -> Result<(), AppError> {
        self.gate.set_targets(self.store.read().targets().await?);
        Ok(())
    }
}
