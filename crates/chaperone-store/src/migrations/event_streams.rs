//! Event streams: how far each has come. What a stream is stands in the configuration.

pub(super) const UP: &str = "
CREATE TABLE event_streams (
    name TEXT NOT NULL CONSTRAINT event_streams_pkey PRIMARY KEY,
    settings TEXT NULL,
    created_at BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    last_sent_at BIGINT NULL,
    fence BIGINT NOT NULL,
    lease_until BIGINT NULL,
    attempt BIGINT NOT NULL,
    next_try_at BIGINT NULL,
    problem TEXT NULL,
    problem_since BIGINT NULL,
    stalled_at BIGINT NULL,
    CONSTRAINT event_streams_wrong CHECK ((problem IS NULL) = (problem_since IS NULL))
);
";
