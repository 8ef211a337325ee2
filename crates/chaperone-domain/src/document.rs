//! Documents: one loaded page with its recorder, and what its evidence allows.
//!
//! A document is *Issued* when its HTML goes out, *Live* when its recorder's first full snapshot is durable, and
//! *Stale* when the recorder has been silent for longer than its lease. Stale is no verdict: dialogs, printing and
//! sleep stop every timer of a page, so the next batch that continues the chain revives it. A gap in the chain, a
//! forged batch or ten silent minutes are a verdict: the document is *Lost* for good, and a reload makes a new one.
//! A page that was left is *Ended*; coming back to it from the browser's history begins a new epoch.
//!
//! ```text
//! Issued ──first snapshot durable──► Live ◄──next batch── Stale
//!    │                                │ └──lease over──────►│
//!    │                                ├──page left──► Ended ──higher epoch──► Issued
//!    └────────gap, forgery, 10 silent minutes────────────────────────────────► Lost
//! ```
//!
//! The rule that everything else serves: [`Document::release`] answers [`Release::Now`] only when all evidence up
//! to the asked sequence is durable.

use jiff::SignedDuration;

use crate::Instant;

/// A visible page that is silent for longer is stale.
pub const LEASE_VISIBLE: SignedDuration = SignedDuration::from_secs(5);
/// A hidden page that is silent for longer is stale: browsers wake the timers of hidden pages about once a minute.
pub const LEASE_HIDDEN: SignedDuration = SignedDuration::from_secs(75);
/// A page that is silent for longer is lost.
pub const SILENCE_LIMIT: SignedDuration = SignedDuration::from_mins(10);
/// An injected page that was delivered whole longer ago without a hello never said hello.
pub const HELLO_LIMIT: SignedDuration = SignedDuration::from_secs(5);
/// What a page declared before it was left may still go out for this long.
pub const ENDED_GRACE: SignedDuration = SignedDuration::from_secs(10);
/// More pages than this that never said hello close a sign-in to changes.
pub const NEVER_SAID_HELLO_LIMIT: usize = 2;
/// As many pages may be loading at once in one sign-in.
pub const LOADING_LIMIT: usize = 16;
/// A tail may overtake this many batches that are still on their way.
pub const EARLY_LIMIT: u32 = 4;

/// The state of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentState {
    /// Its HTML went out; nothing proves yet that it is recorded.
    Issued,
    /// Its recorder is heard.
    Live,
    /// Its recorder is silent for longer than its lease.
    Stale,
    /// The page was left.
    Ended,
    /// Its evidence is broken for good.
    Lost,
}

impl DocumentState {
    /// The stable name in API and frames.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Ended => "ended",
            Self::Lost => "lost",
        }
    }
}

/// Why a document is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LostReason {
    /// A batch is missing and did not come.
    Gap,
    /// A batch was not made by the recorder that this document was given, or does not continue its chain.
    Forged,
    /// Nothing was heard for ten minutes.
    Silent,
}

impl LostReason {
    /// The stable name in events and frames.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Forged => "forged",
            Self::Silent => "silent",
        }
    }
}

/// What the head and the content of a batch say about its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Rises by one at each return from the browser's history.
    pub epoch: u16,
    /// Counts batches from 0 through the whole life of the document.
    pub sequence: u32,
    /// A hello is inside.
    pub hello: bool,
    /// A full snapshot is inside.
    pub snapshot: bool,
    /// The page is hidden.
    pub hidden: bool,
    /// The page was left.
    pub ended: bool,
}

/// What to do with a batch that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one: store it, then call [`Document::stored`].
    Next,
    /// It is durable already: acknowledge it again.
    Repeat,
    /// It overtook another one: wait for that a moment.
    Early,
    /// The chain is broken.
    Broken(LostReason),
}

/// Whether a change may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The evidence up to it is durable.
    Now,
    /// The evidence may still come.
    Wait,
    /// It will not come.
    Never,
}

/// One loaded page with its recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    issued_at: Instant,
    delivered_at: Option<Instant>,
    aborted: bool,
    said_hello: bool,
    snapshot_in_epoch: bool,
    epoch: u16,
    next_sequence: u32,
    hidden: bool,
    heard_at: Instant,
    ended_at: Option<Instant>,
    lost: Option<LostReason>,
}

impl Document {
    /// A document whose HTML begins to go out.
    pub fn issue(at: Instant) -> Self {
        Self {
            issued_at: at,
            delivered_at: None,
            aborted: false,
            said_hello: false,
            snapshot_in_epoch: false,
            epoch: 0,
            next_sequence: 0,
            hidden: false,
            heard_at: at,
            ended_at: None,
            lost: None,
        }
    }

    /// When its HTML began to go out.
    pub fn issued_at(&self) -> Instant {
        self.issued_at
    }

    /// The last byte of its HTML went out.
    pub fn delivered(&mut self, at: Instant) {
        self.delivered_at.get_or_insert(at);
    }

    /// Its HTML did not go out whole: the browser turned away, and no recorder is owed.
    pub fn aborted(&mut self) {
        self.aborted = self.delivered_at.is_none();
    }

    /// The state now.
    pub fn state(&self, now: Instant) -> DocumentState {
        if self.lost_reason(now).is_some() {
            DocumentState::Lost
        } else if self.ended_at.is_some() {
            DocumentState::Ended
        } else if !self.snapshot_in_epoch {
            DocumentState::Issued
        } else if now.duration_since(self.heard_at) > self.lease() {
            DocumentState::Stale
        } else {
            DocumentState::Live
        }
    }

    /// Why it is lost, if it is.
    pub fn lost_reason(&self, now: Instant) -> Option<LostReason> {
        let silent = self.ended_at.is_none() && now.duration_since(self.heard_at) > SILENCE_LIMIT;
        self.lost.or(silent.then_some(LostReason::Silent))
    }

    /// How long the recorder may be silent.
    pub fn lease(&self) -> SignedDuration {
        if self.hidden { LEASE_HIDDEN } else { LEASE_VISIBLE }
    }

    /// The highest sequence up to which everything is durable.
    pub fn durable_sequence(&self) -> Option<u32> {
        self.next_sequence.checked_sub(1)
    }

    /// Judges a batch whose MAC is right; `continues` says whether it names the MAC of the batch before it, as far
    /// as that is known.
    pub fn judge(&self, arrival: &Arrival, continues: bool, now: Instant) -> Verdict {
        if let Some(reason) = self.lost_reason(now) {
            return Verdict::Broken(reason);
        }
        if arrival.sequence < self.next_sequence {
            return if continues { Verdict::Repeat } else { Verdict::Broken(LostReason::Forged) };
        }
        let ahead = arrival.sequence - self.next_sequence;
        if ahead > EARLY_LIMIT {
            return Verdict::Broken(LostReason::Gap);
        }
        if ahead > 0 {
            return Verdict::Early;
        }
        // A page that was left may add a tail (what it sends while it unloads), but nothing from an earlier epoch.
        let epoch_fits = arrival.epoch >= self.epoch;
        let begins_with_hello = arrival.sequence > 0 || arrival.hello;
        if continues && epoch_fits && begins_with_hello {
            Verdict::Next
        } else {
            Verdict::Broken(LostReason::Forged)
        }
    }

    /// Notes that the next batch is durable. Nothing happens when it is not the next one, or the document is lost.
    pub fn stored(&mut self, arrival: &Arrival, at: Instant) {
        if self.judge(arrival, true, at) != Verdict::Next {
            return;
        }
        if arrival.epoch > self.epoch {
            self.epoch = arrival.epoch;
            self.snapshot_in_epoch = false;
            self.ended_at = None;
        }
        self.next_sequence += 1;
        self.said_hello |= arrival.hello;
        self.snapshot_in_epoch |= arrival.snapshot;
        self.hidden = arrival.hidden;
        self.heard_at = self.heard_at.max(at);
        if arrival.ended {
            self.ended_at.get_or_insert(at);
        }
    }

    /// Breaks the document for good; the first reason stays.
    pub fn lose(&mut self, reason: LostReason) {
        self.lost.get_or_insert(reason);
    }

    /// Whether a change that names this sequence as its evidence may leave.
    pub fn release(&self, sequence: u32, now: Instant) -> Release {
        let durable = sequence < self.next_sequence;
        match self.state(now) {
            DocumentState::Lost => Release::Never,
            DocumentState::Live if durable => Release::Now,
            // What a page asked for before it was left has its evidence; what it asks for later cannot have any.
            DocumentState::Ended if durable && self.is_in_grace(now) => Release::Now,
            DocumentState::Ended => Release::Never,
            // A silent recorder proves nothing about this moment, even when the named batch is durable.
            DocumentState::Issued | DocumentState::Live | DocumentState::Stale => Release::Wait,
        }
    }

    /// Whether what the document declared before it was left may still go out.
    fn is_in_grace(&self, now: Instant) -> bool {
        self.ended_at.is_some_and(|ended_at| now.duration_since(ended_at) <= ENDED_GRACE)
    }

    /// Whether its recorder should have been heard by now and was not.
    pub fn never_said_hello(&self, now: Instant) -> bool {
        !self.said_hello
            && !self.aborted
            && self.delivered_at.is_some_and(|at| now.duration_since(at) > HELLO_LIMIT)
    }

    /// Whether it is on its way or its recorder is still starting.
    pub fn is_loading(&self, now: Instant) -> bool {
        !self.said_hello && !self.aborted && !self.never_said_hello(now) && self.lost_reason(now).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Instant {
        Instant::from_second(1_700_000_000 + second).expect("in range")
    }

    fn batch(sequence: u32) -> Arrival {
        Arrival {
            epoch: 0,
            sequence,
            hello: sequence == 0,
            snapshot: sequence == 1,
            hidden: false,
            ended: false,
        }
    }

    fn live() -> Document {
        let mut document = Document::issue(at(0));
        document.stored(&batch(0), at(0));
        document.stored(&batch(1), at(0));
        document
    }

    #[test]
    fn a_document_is_live_only_when_its_first_snapshot_is_durable() {
        let mut document = Document::issue(at(0));
        document.stored(&batch(0), at(1));
        assert_eq!(document.state(at(1)), DocumentState::Issued);
        assert_eq!(document.release(0, at(1)), Release::Wait);
        document.stored(&batch(1), at(1));
        assert_eq!(document.state(at(1)), DocumentState::Live);
        assert_eq!(document.release(1, at(1)), Release::Now);
        assert_eq!(document.release(2, at(1)), Release::Wait);
    }

    #[test]
    fn a_silent_document_is_stale_and_revives_with_the_next_batch() {
        let mut document = live();
        assert_eq!(document.state(at(5)), DocumentState::Live);
        assert_eq!(document.state(at(6)), DocumentState::Stale);
        assert_eq!(document.release(1, at(6)), Release::Wait, "evidence of long ago explains nothing now");
        document.stored(&batch(2), at(300));
        assert_eq!(document.state(at(300)), DocumentState::Live);
    }

    #[test]
    fn a_hidden_document_has_a_longer_lease() {
        let mut document = live();
        document.stored(&Arrival { hidden: true, ..batch(2) }, at(1));
        assert_eq!(document.state(at(76)), DocumentState::Live);
        assert_eq!(document.state(at(77)), DocumentState::Stale);
    }

    #[test]
    fn ten_silent_minutes_lose_a_document_for_good() {
        let mut document = live();
        assert_eq!(document.state(at(600)), DocumentState::Stale);
        assert_eq!(document.lost_reason(at(601)), Some(LostReason::Silent));
        assert_eq!(document.judge(&batch(2), true, at(601)), Verdict::Broken(LostReason::Silent));
        document.stored(&batch(2), at(601));
        assert_eq!(document.durable_sequence(), Some(1));
    }

    #[test]
    fn a_batch_again_is_acknowledged_and_other_bytes_in_its_place_are_forged() {
        let document = live();
        assert_eq!(document.judge(&batch(1), true, at(1)), Verdict::Repeat);
        assert_eq!(document.judge(&batch(1), false, at(1)), Verdict::Broken(LostReason::Forged));
        assert_eq!(document.judge(&batch(2), false, at(1)), Verdict::Broken(LostReason::Forged));
    }

    #[test]
    fn a_tail_may_overtake_and_a_gap_is_a_gap() {
        let document = live();
        assert_eq!(document.judge(&batch(3), true, at(1)), Verdict::Early);
        assert_eq!(document.judge(&batch(2 + EARLY_LIMIT), true, at(1)), Verdict::Early);
        assert_eq!(document.judge(&batch(3 + EARLY_LIMIT), true, at(1)), Verdict::Broken(LostReason::Gap));
    }

    #[test]
    fn a_document_without_hello_cannot_begin() {
        let document = Document::issue(at(0));
        let mute = Arrival { hello: false, ..batch(0) };
        assert_eq!(document.judge(&mute, true, at(0)), Verdict::Broken(LostReason::Forged));
    }

    #[test]
    fn a_left_page_ends_and_coming_back_needs_a_new_epoch_and_a_new_snapshot() {
        let mut document = live();
        document.stored(&Arrival { ended: true, ..batch(2) }, at(1));
        assert_eq!(document.state(at(5000)), DocumentState::Ended, "a left page owes no sign of life");
        assert_eq!(document.release(2, at(11)), Release::Now, "asked before it was left");
        assert_eq!(document.release(2, at(12)), Release::Never);
        assert_eq!(document.release(3, at(2)), Release::Never);
        document.stored(&Arrival { ended: true, ..batch(3) }, at(2));
        assert_eq!(document.state(at(2)), DocumentState::Ended, "a tail behind the tail continues the chain");
        assert_eq!(document.release(3, at(11)), Release::Now);
        assert_eq!(document.release(3, at(12)), Release::Never, "and does not make the page live longer");
        document.stored(&Arrival { epoch: 1, ..batch(4) }, at(20));
        assert_eq!(document.state(at(20)), DocumentState::Issued);
        document.stored(&Arrival { epoch: 1, snapshot: true, ..batch(5) }, at(20));
        assert_eq!(document.state(at(20)), DocumentState::Live);
        assert_eq!(
            document.judge(&batch(6), true, at(20)),
            Verdict::Broken(LostReason::Forged),
            "epochs never fall"
        );
    }

    #[test]
    fn only_whole_deliveries_owe_a_hello() {
        let mut document = Document::issue(at(0));
        assert!(document.is_loading(at(400)) && !document.never_said_hello(at(400)));
        document.delivered(at(400));
        assert!(!document.never_said_hello(at(405)));
        assert!(document.never_said_hello(at(406)) && !document.is_loading(at(406)));
        document.stored(&batch(0), at(407));
        assert!(!document.never_said_hello(at(407)), "a later hello clears it");

        let mut aborted = Document::issue(at(0));
        aborted.aborted();
        assert!(!aborted.never_said_hello(at(100)) && !aborted.is_loading(at(100)));
    }

    #[derive(Clone, Debug)]
    enum Event {
        Batch { ahead: i64, epoch: u16, snapshot: bool, hidden: bool, ended: bool, continues: bool },
        Delivered,
        Lose(LostReason),
        Time(i64),
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let batch = (
            -2_i64..8,
            0_u16..3,
            any::<bool>(),
            any::<bool>(),
            prop::bool::weighted(0.1),
            prop::bool::weighted(0.9),
        )
            .prop_map(|(ahead, epoch, snapshot, hidden, ended, continues)| Event::Batch {
                ahead: if ahead > 2 { 0 } else { ahead },
                epoch,
                snapshot,
                hidden,
                ended,
                continues,
            });
        let lose = prop_oneof![Just(LostReason::Gap), Just(LostReason::Forged)].prop_map(Event::Lose);
        prop::collection::vec(
            prop_oneof![8 => batch, 1 => Just(Event::Delivered), 1 => lose, 3 => (0_i64..120).prop_map(Event::Time)],
            1..60,
        )
    }

    proptest! {
        /// Whatever happens: nothing is released from a lost document, nothing is released that is not durable,
        /// durable never goes back, and lost stays lost.
        #[test]
        fn no_history_releases_a_change_without_durable_evidence(history in events()) {
            let mut document = Document::issue(at(0));
            let mut now = 0;
            let mut durable: Vec<u32> = Vec::new();
            let mut lost_once = false;
            for event in history {
                match event {
                    Event::Batch { ahead, epoch, snapshot, hidden, ended, continues } => {
                        let Ok(sequence) = u32::try_from(durable.len() as i64 + ahead) else { continue };
                        let arrival = Arrival { epoch, sequence, hello: sequence == 0, snapshot, hidden, ended };
                        match document.judge(&arrival, continues, at(now)) {
                            Verdict::Next => {
                                document.stored(&arrival, at(now));
                                durable.push(sequence);
                            }
                            Verdict::Broken(reason) => document.lose(reason),
                            Verdict::Repeat => prop_assert!(durable.contains(&sequence)),
                            Verdict::Early => prop_assert!(sequence as usize > durable.len()),
                        }
                    }
                    Event::Delivered => document.delivered(at(now)),
                    Event::Lose(reason) => document.lose(reason),
                    Event::Time(seconds) => now += seconds,
                }
                prop_assert_eq!(document.durable_sequence(), durable.last().copied());
                lost_once |= document.state(at(now)) == DocumentState::Lost;
                if lost_once {
                    prop_assert_eq!(document.state(at(now)), DocumentState::Lost);
                }
                for sequence in 0..durable.len() as u32 + 3 {
                    if document.release(sequence, at(now)) == Release::Now {
                        prop_assert!(!lost_once);
                        prop_assert!(durable.contains(&sequence));
                    }
                }
            }
        }
    }
}
