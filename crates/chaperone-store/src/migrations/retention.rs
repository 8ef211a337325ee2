//! Retention: until when rows are kept, what was deleted, and legal holds. Rows that are there already were written
//! without a stamp: they are kept for ever.

pub(super) const UP: &str = "
ALTER TABLE organization ADD COLUMN sign_in_retention_days BIGINT NOT NULL DEFAULT -1;
ALTER TABLE organization ADD COLUMN recording_retention_days BIGINT NOT NULL DEFAULT -1;

ALTER TABLE audit_events ADD COLUMN keep_until BIGINT NULL;
ALTER TABLE audit_events ADD COLUMN deleted_at BIGINT NULL;
CREATE INDEX audit_events_expiring ON audit_events (keep_until, id) WHERE keep_until IS NOT NULL;

ALTER TABLE sign_ins ADD COLUMN keep_until BIGINT NULL;
ALTER TABLE sign_ins ADD COLUMN deleted_at BIGINT NULL;
DROP INDEX sign_ins_by_start;
CREATE INDEX sign_ins_by_start ON sign_ins (started_at, id) WHERE deleted_at IS NULL;
CREATE INDEX sign_ins_expiring ON sign_ins (keep_until, id) WHERE keep_until IS NOT NULL;

ALTER TABLE recordings ADD COLUMN keep_until BIGINT NULL;
ALTER TABLE recordings ADD COLUMN deleted_at BIGINT NULL;
ALTER TABLE recordings ADD COLUMN state_before TEXT NULL;
ALTER TABLE recordings ADD COLUMN destroy_until BIGINT NULL;
ALTER TABLE recordings ADD COLUMN destroyed_at BIGINT NULL;
CREATE INDEX recordings_expiring ON recordings (keep_until, id) WHERE keep_until IS NOT NULL;
CREATE INDEX recordings_to_destroy ON recordings (destroy_until, id) WHERE destroy_until IS NOT NULL;

ALTER TABLE privileged_sessions ADD COLUMN legal_hold_by {uuid} NULL;
ALTER TABLE privileged_sessions ADD COLUMN legal_hold_at BIGINT NULL;
ALTER TABLE privileged_sessions ADD COLUMN legal_hold_reason TEXT NULL;
ALTER TABLE privileged_sessions ADD COLUMN retention_fence BIGINT NOT NULL DEFAULT 0;
INSERT INTO counters (name, value) VALUES ('retention_looked_at', -9223372036854775807);
INSERT INTO counters (name, value) VALUES ('retention_waits_until', -9223372036854775807);
INSERT INTO counters (name, value) VALUES ('sign_ins_deleted_up_to', -9223372036854775807);
CREATE INDEX privileged_sessions_held ON privileged_sessions (legal_hold_at) WHERE legal_hold_at IS NOT NULL;
";
