//! Directories beside the built-in one, what is seen of their accounts, sessions with several accounts, extensions.

pub(super) const UP: &str = "
ALTER TABLE directories ADD COLUMN settings TEXT NOT NULL DEFAULT '';
ALTER TABLE directories ADD COLUMN removed_at BIGINT NULL;
ALTER TABLE directories ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

ALTER TABLE accounts ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN last_seen_at BIGINT NULL;
ALTER TABLE accounts ADD COLUMN drift_expected TEXT NULL;
ALTER TABLE accounts ADD COLUMN drift_at BIGINT NULL;
CREATE INDEX accounts_by_last_seen ON accounts (directory_id, last_seen_at);
CREATE INDEX accounts_drifted ON accounts (drift_at) WHERE drift_at IS NOT NULL;

CREATE TABLE account_imports (
    id {uuid} NOT NULL CONSTRAINT account_imports_pkey PRIMARY KEY,
    directory_id {uuid} NOT NULL CONSTRAINT account_imports_directory REFERENCES directories (id),
    running_directory_id {uuid} NULL CONSTRAINT account_imports_running UNIQUE,
    state TEXT NOT NULL,
    place TEXT NULL,
    seen BIGINT NOT NULL,
    added BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    vanished BIGINT NOT NULL,
    left_out BIGINT NOT NULL,
    total BIGINT NULL,
    attempt BIGINT NOT NULL,
    next_try_at BIGINT NULL,
    problem TEXT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NULL,
    fence BIGINT NOT NULL,
    CONSTRAINT account_imports_one CHECK ((state = 'running') = (running_directory_id IS NOT NULL))
);
CREATE INDEX account_imports_by_directory ON account_imports (directory_id, started_at);

CREATE TABLE privileged_session_accounts (
    privileged_session_id {uuid} NOT NULL CONSTRAINT session_accounts_session REFERENCES privileged_sessions (id),
    account_id {uuid} NOT NULL CONSTRAINT session_accounts_account REFERENCES accounts (id),
    wish TEXT NOT NULL CONSTRAINT session_accounts_wish CHECK (wish IN ('none', 'enable', 'disable')),
    position BIGINT NOT NULL,
    CONSTRAINT privileged_session_accounts_pkey PRIMARY KEY (privileged_session_id, account_id)
);
CREATE INDEX privileged_session_accounts_by_account ON privileged_session_accounts (account_id);

ALTER TABLE privileged_sessions ADD COLUMN extension_ends_at BIGINT NULL;
ALTER TABLE privileged_sessions ADD COLUMN extension_reason TEXT NULL;
ALTER TABLE privileged_sessions ADD COLUMN extension_requested_by {uuid} NULL;
ALTER TABLE privileged_sessions ADD COLUMN extension_requested_at BIGINT NULL;

ALTER TABLE grants ADD COLUMN known TEXT NOT NULL DEFAULT '';
UPDATE grants SET known = '[[\"' || COALESCE(applied_state, baseline_state) || '\",' ||
    COALESCE(CAST(CASE WHEN applied_state IS NULL THEN baseline_expires_at ELSE applied_expires_at END AS TEXT), 'null')
    || ']]';
ALTER TABLE grants ADD COLUMN touched BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE grants SET touched = (applied_state IS NOT NULL);
CREATE INDEX grants_open ON grants (created_at, id) WHERE open_account_id IS NOT NULL;
";
