//! Sign-ins, their secrets and targets, and recordings.

pub(super) const UP: &str = "
CREATE TABLE sign_ins (
    id {uuid} NOT NULL CONSTRAINT sign_ins_pkey PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT sign_ins_user REFERENCES users (id),
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    account_id {uuid} NULL CONSTRAINT sign_ins_account REFERENCES accounts (id),
    privileged_session_id {uuid} NULL CONSTRAINT sign_ins_session REFERENCES privileged_sessions (id),
    client_address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT NULL,
    end_kind TEXT NULL,
    end_estimated BOOLEAN NULL,
    CONSTRAINT sign_ins_end CHECK ((ended_at IS NULL) = (end_kind IS NULL) AND (ended_at IS NULL) = (end_estimated IS NULL))
);
CREATE INDEX sign_ins_by_start ON sign_ins (started_at, id);
CREATE INDEX sign_ins_by_user ON sign_ins (user_id, started_at, id);
CREATE INDEX sign_ins_by_session ON sign_ins (privileged_session_id, started_at);
CREATE INDEX sign_ins_open_by_expiry ON sign_ins (expires_at) WHERE ended_at IS NULL;
CREATE INDEX sign_ins_open_by_last_seen ON sign_ins (last_seen_at) WHERE ended_at IS NULL;
CREATE INDEX sign_ins_open_by_account ON sign_ins (account_id) WHERE ended_at IS NULL;

CREATE TABLE sign_in_secrets (
    secret_hash {blob} NOT NULL CONSTRAINT sign_in_secrets_pkey PRIMARY KEY,
    sign_in_id {uuid} NOT NULL CONSTRAINT sign_in_secrets_sign_in REFERENCES sign_ins (id),
    host TEXT NOT NULL
);
CREATE INDEX sign_in_secrets_by_sign_in ON sign_in_secrets (sign_in_id);

CREATE TABLE sign_in_targets (
    sign_in_id {uuid} NOT NULL CONSTRAINT sign_in_targets_sign_in REFERENCES sign_ins (id),
    target_id {uuid} NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    CONSTRAINT sign_in_targets_pkey PRIMARY KEY (sign_in_id, target_id)
);
CREATE INDEX sign_in_targets_by_target ON sign_in_targets (target_id);

CREATE TABLE recordings (
    id {uuid} NOT NULL CONSTRAINT recordings_pkey PRIMARY KEY,
    sign_in_id {uuid} NOT NULL CONSTRAINT recordings_sign_in UNIQUE REFERENCES sign_ins (id),
    privileged_session_id {uuid} NULL CONSTRAINT recordings_session REFERENCES privileged_sessions (id),
    state TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NULL,
    steps BIGINT NOT NULL,
    exchanges BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    changes_released BIGINT NOT NULL,
    changes_with_evidence BIGINT NOT NULL,
    changes_explained BIGINT NOT NULL,
    unexplained_values BIGINT NOT NULL,
    changes_refused BIGINT NOT NULL,
    gaps BIGINT NOT NULL,
    areas_not_recorded BIGINT NOT NULL
);
CREATE INDEX recordings_by_start ON recordings (started_at, id);
CREATE INDEX recordings_by_session ON recordings (privileged_session_id, started_at);
CREATE INDEX recordings_unsealed ON recordings (started_at) WHERE state = 'recording';
";
