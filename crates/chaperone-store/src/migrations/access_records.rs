//! Access records: when the last one of a user was written, auditing of the console, and the source's action code
//! of each event. Events of before get theirs here, by the table that held when this step was written.

pub(super) const UP: &str = "
ALTER TABLE organization ADD COLUMN console_audit_enabled BOOLEAN NOT NULL DEFAULT TRUE;

CREATE TABLE access_records (
    user_id {uuid} NOT NULL CONSTRAINT access_records_user REFERENCES users (id),
    action TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    CONSTRAINT access_records_pkey PRIMARY KEY (user_id, action)
);

ALTER TABLE audit_events ADD COLUMN source_code BIGINT NULL;
UPDATE audit_events SET source_code = CASE
    WHEN action IN ('user_created', 'account_created', 'api_token_created', 'directory_created', 'target_created', 'privileged_session_requested') THEN 1
    WHEN action IN ('user_changed', 'password_changed', 'password_reset', 'account_changed', 'account_observed', 'directory_changed', 'target_changed', 'organization_changed', 'privileged_session_edited') THEN 2
    WHEN action IN ('directory_removed', 'target_removed') THEN 3
    WHEN action = 'api_token_revoked' THEN 5
    WHEN action = 'privileged_session_extension_requested' THEN 26
    WHEN action = 'privileged_session_extension_dropped' THEN 27
    WHEN action IN ('privileged_session_extended', 'privileged_session_shortened') THEN 47
    WHEN action IN ('privileged_session_account_switched', 'grant_verified', 'grant_closed', 'account_drifted') THEN 41
    WHEN action <> 'privileged_session_status_changed' THEN NULL
    WHEN details LIKE '%[\"to_status\",\"Draft\"]%' THEN 2
    WHEN details LIKE '%[\"to_status\",\"Approved\"]%' THEN 28
    WHEN details LIKE '%[\"to_status\",\"Rejected\"]%' THEN 27
    WHEN details LIKE '%[\"to_status\",\"Cancelled\"]%' THEN 17
    WHEN details LIKE '%[\"to_status\",\"Active\"]%' THEN 4
    WHEN details LIKE '%[\"to_status\",\"Ending\"]%' THEN 16
    WHEN details LIKE '%[\"to_status\",\"Ended\"]%' THEN 18
    WHEN details LIKE '%[\"to_status\",\"Failed\"]%' THEN 18
    WHEN details LIKE '%[\"to_status\",\"Expired\"]%' THEN 5
    END;
CREATE INDEX audit_events_of_source ON audit_events (at, id) WHERE source_code IS NOT NULL;
CREATE INDEX audit_events_by_source_code ON audit_events (source_code, at, id) WHERE source_code IS NOT NULL;
CREATE INDEX audit_events_by_subject ON audit_events (subject_id, at, id) WHERE source_code IS NOT NULL;
";
