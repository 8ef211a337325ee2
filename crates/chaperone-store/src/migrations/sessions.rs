//! Privileged sessions and what they hold.

pub(super) const UP: &str = "
CREATE TABLE privileged_sessions (
    id {uuid} NOT NULL CONSTRAINT privileged_sessions_pkey PRIMARY KEY,
    account_id {uuid} NOT NULL CONSTRAINT privileged_sessions_account REFERENCES accounts (id),
    user_id {uuid} NOT NULL CONSTRAINT privileged_sessions_user REFERENCES users (id),
    requested_by {uuid} NOT NULL CONSTRAINT privileged_sessions_requested_by REFERENCES users (id),
    edited_by TEXT NOT NULL,
    state TEXT NOT NULL,
    end_reason TEXT NULL,
    wish TEXT NOT NULL CONSTRAINT privileged_sessions_wish CHECK (wish IN ('none', 'enable', 'disable')),
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    ticket TEXT NOT NULL,
    search TEXT NOT NULL,
    approved_by {uuid} NULL CONSTRAINT privileged_sessions_approved_by REFERENCES users (id),
    self_approved BOOLEAN NOT NULL,
    start_intended_at BIGINT NULL,
    started_at BIGINT NULL,
    ended_at BIGINT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT privileged_sessions_window CHECK (ends_at > starts_at AND ends_at - starts_at <= 86400000000)
);
CREATE INDEX privileged_sessions_by_start ON privileged_sessions (starts_at, id);
CREATE INDEX privileged_sessions_by_state_start ON privileged_sessions (state, starts_at);
CREATE INDEX privileged_sessions_by_state_end ON privileged_sessions (state, ends_at);
CREATE INDEX privileged_sessions_by_account ON privileged_sessions (account_id, state);
CREATE INDEX privileged_sessions_by_user ON privileged_sessions (user_id, starts_at);
CREATE INDEX privileged_sessions_by_requester ON privileged_sessions (requested_by, starts_at);

CREATE TABLE privileged_session_targets (
    privileged_session_id {uuid} NOT NULL CONSTRAINT session_targets_session REFERENCES privileged_sessions (id),
    target_id {uuid} NOT NULL CONSTRAINT session_targets_target REFERENCES targets (id),
    position BIGINT NOT NULL,
    CONSTRAINT privileged_session_targets_pkey PRIMARY KEY (privileged_session_id, target_id)
);
CREATE INDEX privileged_session_targets_by_target ON privileged_session_targets (target_id);

CREATE TABLE grants (
    id {uuid} NOT NULL CONSTRAINT grants_pkey PRIMARY KEY,
    account_id {uuid} NOT NULL CONSTRAINT grants_account REFERENCES accounts (id),
    open_account_id {uuid} NULL CONSTRAINT grants_open_account UNIQUE,
    phase TEXT NOT NULL,
    baseline_state TEXT NOT NULL,
    baseline_expires_at BIGINT NULL,
    desired_state TEXT NOT NULL,
    desired_expires_at BIGINT NULL,
    applied_state TEXT NULL,
    applied_expires_at BIGINT NULL,
    observed_state TEXT NOT NULL,
    observed_expires_at BIGINT NULL,
    deadline BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    lease_until BIGINT NULL,
    attempt BIGINT NOT NULL,
    next_try_at BIGINT NULL,
    problem TEXT NULL,
    outcome TEXT NULL,
    created_at BIGINT NOT NULL,
    closed_at BIGINT NULL,
    CONSTRAINT grants_open CHECK ((phase = 'closed') = (open_account_id IS NULL))
);
CREATE INDEX grants_by_account ON grants (account_id, created_at);

CREATE TABLE grant_holders (
    grant_id {uuid} NOT NULL CONSTRAINT grant_holders_grant REFERENCES grants (id),
    privileged_session_id {uuid} NOT NULL CONSTRAINT grant_holders_session REFERENCES privileged_sessions (id),
    wish TEXT NOT NULL,
    until BIGINT NOT NULL,
    released_at BIGINT NULL,
    CONSTRAINT grant_holders_pkey PRIMARY KEY (grant_id, privileged_session_id)
);
CREATE INDEX grant_holders_by_session ON grant_holders (privileged_session_id);
";
