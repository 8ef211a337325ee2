//! What many due sessions need: grants that are on their way are found among all that are open, and notifications that
//! were sent long ago are found to be removed.

pub(super) const UP: &str = "
CREATE INDEX grants_moving ON grants (next_try_at) WHERE phase IN ('opening', 'closing');
CREATE INDEX notifications_by_sent ON notifications (sent_at) WHERE state = 'sent';
";
