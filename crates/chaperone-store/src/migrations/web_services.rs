//! Sign-ins of programs: by which token, and one at a time. Active and idle time at targets. Indexes for the questions
//! of User Login Events.

pub(super) const UP: &str = "
ALTER TABLE sign_ins ADD COLUMN api_token_id {uuid} NULL CONSTRAINT sign_ins_api_token REFERENCES api_tokens (id);
ALTER TABLE sign_ins ADD COLUMN open_token_key TEXT NULL;
CREATE UNIQUE INDEX sign_ins_open_token ON sign_ins (open_token_key) WHERE open_token_key IS NOT NULL;
CREATE INDEX sign_ins_by_address ON sign_ins (client_address, started_at, id);
DROP INDEX sign_ins_by_session;
CREATE INDEX sign_ins_by_session ON sign_ins (privileged_session_id, started_at, id) WHERE privileged_session_id IS NOT NULL;

ALTER TABLE sign_in_targets ADD COLUMN active_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sign_in_targets ADD COLUMN idle_us BIGINT NOT NULL DEFAULT 0;
";
