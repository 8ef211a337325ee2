//! The target that an event is about, so that the trail of one target is found without reading all of it. Events of
//! before are those that happened to a target.

pub(super) const UP: &str = "
ALTER TABLE audit_events ADD COLUMN target_id TEXT NULL;
UPDATE audit_events SET target_id = subject_id WHERE subject_kind = 'target';
CREATE INDEX audit_events_by_target ON audit_events (target_id, at, id) WHERE target_id IS NOT NULL;
";
