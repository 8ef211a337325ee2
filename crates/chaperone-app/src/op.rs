//! Every operation says who, from where and when before anything else; jobs too.

use chaperone_domain::Instant;
use chaperone_domain::audit_event::{Actor, AuditAction, AuditEvent, DetailValue, Subject};
use chaperone_domain::ids::{AuditEventId, PrivilegedSessionId, SignInId};
use chaperone_domain::privileged_session::Principal;
use chaperone_domain::sign_in::Channel;
use chaperone_domain::user::{Role, User};

use crate::errors::AppError;
use crate::secrets;

/// From where somebody acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The network address, without port.
    pub address: String,
    /// What the client says it is, cut to [`USER_AGENT_MAX_CHARS`].
    pub user_agent: String,
}

/// Longest user agent that is kept, in characters.
pub const USER_AGENT_MAX_CHARS: usize = 512;

impl Client {
    /// A client; control characters are replaced and the user agent is cut.
    pub fn new(address: &str, user_agent: &str) -> Self {
        let user_agent = user_agent
            .chars()
            .take(USER_AGENT_MAX_CHARS)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        Self { address: address.to_owned(), user_agent }
    }
}

/// Who acts.
#[derive(Clone, Debug)]
pub enum Who {
    /// A signed-in user.
    User(Box<User>),
    /// The background process.
    Processor,
    /// Chaperone itself or a command on its machine.
    System,
    /// Somebody who is not signed in.
    Anonymous,
}

/// One operation: who, from where, when.
#[derive(Clone, Debug)]
pub struct Op {
    /// Who acts.
    pub who: Who,
    /// When: one instant for everything that the operation writes.
    pub at: Instant,
    /// Through which door.
    pub channel: Option<Channel>,
    /// From where.
    pub client: Client,
    /// In which sign-in.
    pub sign_in_id: Option<SignInId>,
}

impl Op {
    /// An operation of the background process.
    pub fn processor(at: Instant) -> Self {
        Self { who: Who::Processor, at, channel: None, client: Client::default(), sign_in_id: None }
    }

    /// An operation of Chaperone itself.
    pub fn system(at: Instant) -> Self {
        Self { who: Who::System, ..Self::processor(at) }
    }

    /// An operation of somebody who is not signed in.
    pub fn anonymous(at: Instant, channel: Channel, client: Client) -> Self {
        Self { who: Who::Anonymous, at, channel: Some(channel), client, sign_in_id: None }
    }

    /// The user who acts, or the refusal to go on without one.
    pub fn user(&self) -> Result<&User, AppError> {
        match &self.who {
            Who::User(user) => Ok(user),
            _ => Err(AppError::NotSignedIn),
        }
    }

    /// The user who acts, as the rules see them.
    pub fn principal(&self) -> Result<Principal, AppError> {
        let user = self.user()?;
        Ok(Principal { user_id: user.id, roles: user.roles.clone() })
    }

    /// Requires one of the roles.
    pub fn require(&self, roles: &[Role]) -> Result<&User, AppError> {
        let user = self.user()?;
        if roles.iter().any(|role| user.roles.has(*role)) {
            Ok(user)
        } else {
            Err(AppError::RoleMissing { needed: roles.to_vec() })
        }
    }

    /// Who acts, for the trail.
    pub fn actor(&self) -> Actor {
        match &self.who {
            Who::User(user) => Actor::User(user.id),
            Who::Processor => Actor::Processor,
            Who::System => Actor::System,
            Who::Anonymous => Actor::Anonymous,
        }
    }

    /// An audit event of this operation.
    pub fn event(&self, action: AuditAction, subject_kind: &str, subject_id: impl ToString) -> AuditEvent {
        AuditEvent {
            id: AuditEventId::new(secrets::new_uuid(self.at)),
            at: self.at,
            actor: self.actor(),
            on_behalf_of: None,
            action,
            subject: Subject { kind: subject_kind.to_owned(), id: subject_id.to_string() },
            privileged_session_id: None,
            sign_in_id: self.sign_in_id,
            channel: self.channel,
            client_address: (!self.client.address.is_empty()).then(|| self.client.address.clone()),
            reason: None,
            details: Vec::new(),
        }
    }
}

/// Small additions to an event that is being written.
pub(crate) trait EventExt: Sized {
    /// Adds a detail.
    fn with(self, name: &str, value: impl Into<DetailValue>) -> Self;
    /// Adds the old and the new value of something, if they differ.
    fn changed<T: Into<DetailValue> + PartialEq + Clone>(self, name: &str, old: &T, new: &T) -> Self;
    /// Names the privileged session.
    fn in_session(self, id: impl Into<Option<PrivilegedSessionId>>) -> Self;
    /// Names the sign-in.
    fn in_sign_in(self, id: SignInId) -> Self;
    /// Says what the person said about it.
    fn because(self, reason: &str) -> Self;
}

impl EventExt for AuditEvent {
    fn with(mut self, name: &str, value: impl Into<DetailValue>) -> Self {
        self.details.push((name.to_owned(), value.into()));
        self
    }

    fn changed<T: Into<DetailValue> + PartialEq + Clone>(self, name: &str, old: &T, new: &T) -> Self {
        if old == new {
            return self;
        }
        self.with(&format!("old_{name}"), old.clone()).with(&format!("new_{name}"), new.clone())
    }

    fn in_session(mut self, id: impl Into<Option<PrivilegedSessionId>>) -> Self {
        self.privileged_session_id = id.into();
        self
    }

    fn in_sign_in(mut self, id: SignInId) -> Self {
        self.sign_in_id = Some(id);
        self
    }

    fn because(mut self, reason: &str) -> Self {
        if !reason.is_empty() {
            self.reason = Some(reason.to_owned());
        }
        self
    }
}
