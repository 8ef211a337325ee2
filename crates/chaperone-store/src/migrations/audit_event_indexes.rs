//! An index of events leaves out those that have nothing of what it orders by: what the processor does has no actor, nobody
//! on whose behalf, and no sign-in, and every entry is written twice, when the event is added and when it is numbered.

pub(super) const UP: &str = "
DROP INDEX audit_events_by_session;
DROP INDEX audit_events_by_actor;
DROP INDEX audit_events_by_on_behalf_of;
DROP INDEX audit_events_by_sign_in;
CREATE INDEX audit_events_by_session ON audit_events (privileged_session_id, at, id)
    WHERE privileged_session_id IS NOT NULL;
CREATE INDEX audit_events_by_actor ON audit_events (actor_id, at, id) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_events_by_on_behalf_of ON audit_events (on_behalf_of, at, id) WHERE on_behalf_of IS NOT NULL;
CREATE INDEX audit_events_by_sign_in ON audit_events (sign_in_id, at, id) WHERE sign_in_id IS NOT NULL;
";
