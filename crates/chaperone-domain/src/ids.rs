//! A distinct type for every id, so that an account's id can never be passed where a user's is meant.
//!
//! The value is a UUID (version 7 where Chaperone makes it); making one needs time and randomness and is
//! therefore done by the caller, not here.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is known to be of this kind.
            pub const fn new(value: Uuid) -> Self {
                Self(value)
            }

            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// A user: somebody or something that signs in to Chaperone.
    UserId
);
id!(
    /// A login held by a directory.
    AccountId
);
id!(
    /// A system that holds accounts.
    DirectoryId
);
id!(
    /// One look at all accounts of a directory.
    AccountImportId
);
id!(
    /// A web application behind the gateway.
    TargetId
);
id!(
    /// The request for privileged work and, once approved, its window of time.
    PrivilegedSessionId
);
id!(
    /// What Chaperone does to one account while a privileged session holds it.
    GrantId
);
id!(
    /// One login of a user, to the console or to targets.
    SignInId
);
id!(
    /// What was done during one target sign-in.
    RecordingId
);
id!(
    /// One loaded page with its recorder.
    DocumentId
);
id!(
    /// One HTTP request and response, or one WebSocket frame, as the gateway saw it.
    ExchangeId
);
id!(
    /// One entry of the trail.
    AuditEventId
);
id!(
    /// A bearer secret of a user for programs.
    ApiTokenId
);
id!(
    /// One message to one address.
    NotificationId
);
id!(
    /// One run of the executable: a restarted one is another node.
    NodeId
);
id!(
    /// Something that is exported again and again.
    ScheduledExportId
);
