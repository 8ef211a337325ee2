//! Grants: leases, what is in doubt, the look after the close, what a hold was switched to.

pub(super) const UP: &str = "
ALTER TABLE grants ADD COLUMN lease_by {uuid} NULL;
ALTER TABLE grants ADD COLUMN doubtful TEXT NOT NULL DEFAULT '[]';
ALTER TABLE grants ADD COLUMN look_again_at BIGINT NULL;
ALTER TABLE grants ADD COLUMN back_to_state TEXT NULL;
ALTER TABLE grants ADD COLUMN back_to_expires_at BIGINT NULL;
CREATE INDEX grants_to_look_at_again ON grants (look_again_at, id) WHERE look_again_at IS NOT NULL;

ALTER TABLE grant_holders ADD COLUMN switched_to TEXT NULL
    CONSTRAINT grant_holders_switched CHECK (switched_to IN ('enabled', 'disabled'));
";
