//! Notifications: the outbox. A row is written in the transaction of the change that it speaks of.

pub(super) const UP: &str = "
CREATE TABLE notifications (
    id {uuid} NOT NULL CONSTRAINT notifications_pkey PRIMARY KEY,
    kind TEXT NOT NULL,
    privileged_session_id {uuid} NULL CONSTRAINT notifications_session REFERENCES privileged_sessions (id),
    account_id {uuid} NULL CONSTRAINT notifications_account REFERENCES accounts (id),
    recipient {uuid} NULL CONSTRAINT notifications_recipient REFERENCES users (id),
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    occurrence BIGINT NOT NULL,
    dedupe_key TEXT NOT NULL CONSTRAINT notifications_dedupe UNIQUE,
    state TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    next_try_at BIGINT NULL,
    lease_until BIGINT NULL,
    give_up_at BIGINT NOT NULL,
    problem TEXT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    CONSTRAINT notifications_waiting CHECK ((state = 'waiting') = (next_try_at IS NOT NULL))
);
CREATE INDEX notifications_by_session ON notifications (privileged_session_id, kind, occurrence);
CREATE INDEX notifications_by_next_try ON notifications (channel, next_try_at);
";
