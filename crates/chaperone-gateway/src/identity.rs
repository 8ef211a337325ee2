//! Identity to the target: not at all, by headers, or by a signed assertion. Whatever the client sent under these
//! names is gone when this is called.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use chaperone_app::gate::LiveSignIn;
use chaperone_domain::ids::{SignInId, TargetId};
use chaperone_domain::target::{Target, TargetIdentity};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::Gateway;
use crate::errors::Refused;
use crate::headers::ASSERTION_HEADER;
use crate::limits::ASSERTION_REUSE;

/// Assertions that were signed a moment ago.
#[derive(Default)]
pub(crate) struct Assertions {
    signed: RwLock<HashMap<(SignInId, TargetId), (HeaderValue, Instant)>>,
}

impl Assertions {
    fn get(&self, sign_in: SignInId, target: TargetId) -> Option<HeaderValue> {
        let signed = self.signed.read().unwrap_or_else(PoisonError::into_inner);
        let (header, at) = signed.get(&(sign_in, target))?;
        (at.elapsed() < ASSERTION_REUSE).then(|| header.clone())
    }

    fn put(&self, sign_in: SignInId, target: TargetId, header: HeaderValue) {
        let mut signed = self.signed.write().unwrap_or_else(PoisonError::into_inner);
        signed.insert((sign_in, target), (header, Instant::now()));
    }

    /// Forgets those that are not used again.
    pub(crate) fn forget_old(&self) {
        let mut signed = self.signed.write().unwrap_or_else(PoisonError::into_inner);
        signed.retain(|_, (_, at)| at.elapsed() < ASSERTION_REUSE);
    }
}

/// Tells the target who is there, in the way that it wants.
pub(crate) fn tell(
    gateway: &Gateway,
    target: &Target,
    live: &LiveSignIn,
    authority: &str,
    headers: &mut HeaderMap,
) -> Result<(), Refused> {
    match target.identity {
        TargetIdentity::None => Ok(()),
        TargetIdentity::Headers => {
            let facts = live.facts();
            let groups: Vec<_> = facts.user.roles.iter().map(|role| role.name()).collect();
            for (name, value) in [
                ("x-forwarded-user", facts.account.name.as_str()),
                ("x-forwarded-email", facts.user.email.as_str()),
                ("x-forwarded-groups", groups.join(",").as_str()),
            ] {
                // A name that fits no header is told to nobody rather than told wrong.
                let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Refused::CannotAsk)?;
                headers.insert(HeaderName::from_static(name), value);
            }
            Ok(())
        }
        TargetIdentity::Assertion => {
            let known = gateway.assertions.get(live.id, target.id);
            let header = match known {
                Some(header) => header,
                None => {
                    let facts = live.facts();
                    let signed = gateway
                        .app
                        .assertion(target, &facts, live.id, authority)
                        .map_err(|_| Refused::CannotAsk)?;
                    let header = HeaderValue::from_str(&signed).map_err(|_| Refused::CannotAsk)?;
                    gateway.assertions.put(live.id, target.id, header.clone());
                    header
                }
            };
            headers.insert(HeaderName::from_static(ASSERTION_HEADER), header);
            Ok(())
        }
    }
}
