//! The trail, its numbers, and the clock's high water.

pub(super) const UP: &str = "
CREATE TABLE audit_events (
    id {uuid} NOT NULL CONSTRAINT audit_events_pkey PRIMARY KEY,
    seq BIGINT NULL CONSTRAINT audit_events_seq UNIQUE,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id {uuid} NULL,
    on_behalf_of {uuid} NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    privileged_session_id {uuid} NULL,
    sign_in_id {uuid} NULL,
    channel TEXT NULL,
    client_address TEXT NULL,
    reason TEXT NULL,
    details TEXT NOT NULL,
    canonical_version BIGINT NOT NULL,
    salt {blob} NOT NULL,
    commitment {blob} NOT NULL
);
CREATE INDEX audit_events_by_time ON audit_events (at, id);
CREATE INDEX audit_events_unnumbered ON audit_events (at, id) WHERE seq IS NULL;
CREATE INDEX audit_events_by_session ON audit_events (privileged_session_id, at, id);
CREATE INDEX audit_events_by_actor ON audit_events (actor_id, at, id);
CREATE INDEX audit_events_by_on_behalf_of ON audit_events (on_behalf_of, at, id);
CREATE INDEX audit_events_by_action ON audit_events (action, at, id);
CREATE INDEX audit_events_by_sign_in ON audit_events (sign_in_id, at, id);

CREATE TABLE counters (
    name TEXT NOT NULL CONSTRAINT counters_pkey PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('audit_events', 0);
INSERT INTO counters (name, value) VALUES ('high_water', -9223372036854775807);
";
