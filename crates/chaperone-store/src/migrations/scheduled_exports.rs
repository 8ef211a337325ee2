//! Scheduled exports, what was written for each interval, and what the gap detector found.

pub(super) const UP: &str = "
CREATE TABLE scheduled_exports (
    id {uuid} NOT NULL CONSTRAINT scheduled_exports_pkey PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NULL CONSTRAINT scheduled_exports_name UNIQUE,
    content TEXT NOT NULL,
    every_interval TEXT NOT NULL,
    format TEXT NOT NULL,
    target TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT NULL,
    checked_at BIGINT NULL,
    check_problem TEXT NULL,
    check_until BIGINT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE scheduled_export_runs (
    export_id {uuid} NOT NULL CONSTRAINT scheduled_export_runs_export REFERENCES scheduled_exports (id),
    number BIGINT NOT NULL,
    interval_start BIGINT NOT NULL,
    interval_end BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    state TEXT NOT NULL,
    after_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    lease_until BIGINT NULL,
    attempt BIGINT NOT NULL,
    next_try_at BIGINT NULL,
    problem TEXT NULL,
    problem_since BIGINT NULL,
    told_at BIGINT NULL,
    created_at BIGINT NOT NULL,
    file_name TEXT NULL,
    file_rows BIGINT NULL,
    file_bytes BIGINT NULL,
    sha256 {blob} NULL,
    manifest_sha256 {blob} NULL,
    done_at BIGINT NULL,
    verified_at BIGINT NULL,
    CONSTRAINT scheduled_export_runs_pkey PRIMARY KEY (export_id, number),
    CONSTRAINT scheduled_export_runs_interval CHECK (interval_end > interval_start),
    CONSTRAINT scheduled_export_runs_done CHECK ((state = 'done') = (done_at IS NOT NULL))
);
CREATE INDEX scheduled_export_runs_by_interval ON scheduled_export_runs (export_id, interval_start, revision);

CREATE TABLE scheduled_export_findings (
    export_id {uuid} NOT NULL CONSTRAINT scheduled_export_findings_export REFERENCES scheduled_exports (id),
    interval_start BIGINT NOT NULL,
    interval_end BIGINT NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    found_at BIGINT NOT NULL,
    CONSTRAINT scheduled_export_findings_pkey PRIMARY KEY (export_id, interval_start, kind)
);
";
