//! Who and where: organization, users, directories, accounts, targets, tokens, one-time codes.

pub(super) const UP: &str = "
CREATE TABLE organization (
    id BIGINT NOT NULL CONSTRAINT organization_pkey PRIMARY KEY CONSTRAINT organization_one CHECK (id = 1),
    name TEXT NOT NULL,
    allow_self_approval BOOLEAN NOT NULL,
    recording_notice TEXT NOT NULL,
    is_audit_enabled BOOLEAN NOT NULL,
    is_user_access_audit_enabled BOOLEAN NOT NULL,
    user_access_auditing_interval_hours BIGINT NOT NULL,
    audit_retention_days BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE users (
    id {uuid} NOT NULL CONSTRAINT users_pkey PRIMARY KEY,
    user_name TEXT NOT NULL,
    user_name_key TEXT NOT NULL CONSTRAINT users_user_name UNIQUE,
    display_name TEXT NOT NULL,
    email TEXT NOT NULL,
    search TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    roles TEXT NOT NULL,
    password_hash TEXT NULL,
    password_must_change BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE directories (
    id {uuid} NOT NULL CONSTRAINT directories_pkey PRIMARY KEY,
    name TEXT NOT NULL CONSTRAINT directories_name UNIQUE,
    kind TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE accounts (
    id {uuid} NOT NULL CONSTRAINT accounts_pkey PRIMARY KEY,
    directory_id {uuid} NOT NULL CONSTRAINT accounts_directory REFERENCES directories (id),
    external_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    owner {uuid} NULL CONSTRAINT accounts_owner REFERENCES users (id),
    privileged BOOLEAN NOT NULL,
    state TEXT NOT NULL CONSTRAINT accounts_state CHECK (state IN ('enabled', 'disabled', 'absent')),
    expires_at BIGINT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT accounts_name UNIQUE (directory_id, name_key),
    CONSTRAINT accounts_external_id UNIQUE (directory_id, external_id)
);
CREATE INDEX accounts_by_owner ON accounts (owner);
CREATE INDEX accounts_by_name ON accounts (name_key, id);

CREATE TABLE targets (
    id {uuid} NOT NULL CONSTRAINT targets_pkey PRIMARY KEY,
    name TEXT NOT NULL,
    host TEXT NOT NULL CONSTRAINT targets_host UNIQUE,
    directory_id {uuid} NOT NULL CONSTRAINT targets_directory REFERENCES directories (id),
    upstream TEXT NOT NULL,
    identity TEXT NOT NULL,
    recording TEXT NOT NULL,
    web_services_in_session TEXT NOT NULL,
    audit_enabled BOOLEAN NOT NULL,
    entry_posts TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE api_tokens (
    id {uuid} NOT NULL CONSTRAINT api_tokens_pkey PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT api_tokens_user REFERENCES users (id),
    secret_hash {blob} NOT NULL CONSTRAINT api_tokens_secret UNIQUE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NULL,
    expires_at BIGINT NULL,
    revoked_at BIGINT NULL
);
CREATE INDEX api_tokens_by_user ON api_tokens (user_id, created_at);

CREATE TABLE entry_codes (
    hash {blob} NOT NULL CONSTRAINT entry_codes_pkey PRIMARY KEY,
    sign_in_id {uuid} NOT NULL,
    host TEXT NOT NULL,
    nonce_hash {blob} NOT NULL,
    return_path TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX entry_codes_by_expiry ON entry_codes (expires_at);
";
