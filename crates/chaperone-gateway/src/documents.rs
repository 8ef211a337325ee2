//! The documents of every recorded sign-in: which pages are out, what their recorders have proved, and what they
//! declared.
//!
//! Everything here is in memory. After a restart no document is known, every page is told to reload, and nothing is
//! released meanwhile: forgetting is safe.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use chaperone_app::gate::LiveSignIn;
use chaperone_domain::Instant;
use chaperone_domain::document::{
    Arrival, Document, DocumentState, LOADING_LIMIT, LostReason, NEVER_SAID_HELLO_LIMIT, Release, Verdict,
};
use chaperone_domain::ids::{DocumentId, SignInId};
use chaperone_recording::Writer;
use tokio::sync::{Notify, Semaphore};

use crate::batch::{Batch, DocumentKey, Intent, Mac};
use crate::limits::{
    ASSETS_WAITING, DOCUMENTS_PER_SIGN_IN, HELD_PER_DOCUMENT, HELD_PER_SIGN_IN, INTENT_AGE,
    INTENTS_PER_DOCUMENT,
};
use crate::witness::Frames;

/// Whether pages may stay without the recorder's first word. Only the bench builds it so: what makes load runs no
/// scripts, and otherwise nothing would be left to measure after sixteen pages.
const WITHOUT_BROWSER: bool = cfg!(feature = "measure");

/// MACs of durable batches that are remembered for each document, to tell a repetition from a forgery.
const REMEMBERED_MACS: usize = 16;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A recorded sign-in with its documents.
pub(crate) struct RecordedSignIn {
    /// Who is there.
    pub live: Arc<LiveSignIn>,
    /// Where its recording is written.
    pub writer: Arc<Writer>,
    /// What is written behind the answers.
    pub frames: Frames,
    /// Changes that may wait for evidence at once.
    pub held: Semaphore,
    /// Assets that may wait to be stored.
    pub assets: Arc<Semaphore>,
    /// Told whenever a document of it proved, declared or lost something.
    pub changed: Notify,
    secret: [u8; 32],
    documents: Mutex<HashMap<DocumentId, Arc<Tracked>>>,
    over_since: OnceLock<tokio::time::Instant>,
}

/// One document.
pub(crate) struct Tracked {
    /// Which.
    pub id: DocumentId,
    /// Its key.
    pub key: DocumentKey,
    /// One batch at a time.
    pub ingesting: tokio::sync::Mutex<()>,
    /// Told whenever it proved or lost something.
    pub changed: Notify,
    /// Changes of it that may wait for evidence at once.
    pub held: Semaphore,
    /// Whether it is a page of its own. What a page frames does not count as *never said hello*: the page may
    /// sandbox it, so that no script runs there, and its changes are refused one by one anyway.
    top: bool,
    /// The `seq` of its last durable step, and one more; 0 for none.
    next_step: AtomicU32,
    book: Mutex<Book>,
}

struct Book {
    document: Document,
    macs: VecDeque<(u32, Mac)>,
    intents: VecDeque<Declared>,
    told: DocumentState,
    forgiven: bool,
}

/// An intent that is durable and not used.
struct Declared {
    intent: Intent,
    sequence: u32,
    at: Instant,
}

/// What explains a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The document that asked.
    pub document: DocumentId,
    /// Everything up to here is durable.
    pub sequence: u32,
    /// The step that explains it, as far as one was declared or was the last before.
    pub step: Option<u64>,
}

impl Tracked {
    fn new(id: DocumentId, key: DocumentKey, top: bool, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            id,
            key,
            ingesting: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            held: Semaphore::new(HELD_PER_DOCUMENT),
            top,
            next_step: AtomicU32::new(0),
            book: Mutex::new(Book {
                document: Document::issue(now),
                macs: VecDeque::new(),
                intents: VecDeque::new(),
                told: DocumentState::Issued,
                forgiven: false,
            }),
        })
    }

    /// Its state now.
    pub(crate) fn state(&self, now: Instant) -> DocumentState {
        lock(&self.book).document.state(now)
    }

    /// Why it is lost, if it is.
    pub(crate) fn lost_reason(&self, now: Instant) -> Option<LostReason> {
        lock(&self.book).document.lost_reason(now)
    }

    /// The highest sequence up to which everything is durable.
    pub(crate) fn durable_sequence(&self) -> Option<u32> {
        lock(&self.book).document.durable_sequence()
    }

    /// How long its recorder may be silent, in milliseconds.
    pub(crate) fn lease_ms(&self) -> i128 {
        lock(&self.book).document.lease().as_millis()
    }

    /// Its HTML went out whole.
    pub(crate) fn delivered(&self, now: Instant) {
        lock(&self.book).document.delivered(now);
    }

    /// The browser turned away before its HTML was out.
    pub(crate) fn aborted(&self) {
        lock(&self.book).document.aborted();
    }

    /// Judges a batch whose MAC is right.
    pub(crate) fn judge(&self, batch: &Batch<'_>, arrival: &Arrival, now: Instant) -> Verdict {
        let book = lock(&self.book);
        let mac_of =
            |sequence: u32| book.macs.iter().find(|(known, _)| *known == sequence).map(|(_, mac)| *mac);
        let durable = book.document.durable_sequence();
        let continues = if durable.is_some_and(|durable| batch.sequence <= durable) {
            // Long ago is believed to be a repetition: nothing of it is stored again.
            mac_of(batch.sequence).is_none_or(|known| known == batch.mac)
        } else if batch.sequence == 0 {
            batch.previous_mac == Mac::default()
        } else {
            mac_of(batch.sequence - 1).is_none_or(|known| known == batch.previous_mac)
        };
        book.document.judge(arrival, continues, now)
    }

    /// Notes that a batch is durable, with what it declared.
    pub(crate) fn stored(&self, batch: &Batch<'_>, arrival: &Arrival, declared: Declarations, now: Instant) {
        let mut book = lock(&self.book);
        book.document.stored(arrival, now);
        if book.macs.len() == REMEMBERED_MACS {
            book.macs.pop_front();
        }
        book.macs.push_back((batch.sequence, batch.mac));
        for intent in declared.intents {
            if book.intents.len() == INTENTS_PER_DOCUMENT {
                book.intents.pop_front();
            }
            book.intents.push_back(Declared { intent, sequence: batch.sequence, at: now });
        }
        if let Some(next) = declared.last_step.and_then(|step| u32::try_from(step + 1).ok()) {
            self.next_step.fetch_max(next, Ordering::Relaxed);
        }
        drop(book);
        self.changed.notify_waiters();
    }

    /// Breaks it for good.
    pub(crate) fn lose(&self, reason: LostReason) {
        lock(&self.book).document.lose(reason);
        self.changed.notify_waiters();
    }

    /// Its state, if it is another than the one that was told last.
    pub(crate) fn news(&self, now: Instant) -> Option<DocumentState> {
        let mut book = lock(&self.book);
        let state = book.document.state(now);
        (std::mem::replace(&mut book.told, state) != state).then_some(state)
    }

    /// Whether a change that names this sequence may leave.
    pub(crate) fn release(&self, sequence: u32, now: Instant) -> Release {
        lock(&self.book).document.release(sequence, now)
    }

    /// The last durable step.
    pub(crate) fn last_step(&self) -> Option<u64> {
        self.next_step.load(Ordering::Relaxed).checked_sub(1).map(u64::from)
    }

    fn take_intent(&self, method: &str, path_and_query: &str, now: Instant) -> Option<Evidence> {
        let mut book = lock(&self.book);
        let fits = |declared: &Declared| {
            declared.intent.method.eq_ignore_ascii_case(method) && declared.intent.url == path_and_query
        };
        book.intents.retain(|declared| {
            let age = std::time::Duration::try_from(now.duration_since(declared.at)).unwrap_or_default();
            age <= INTENT_AGE
        });
        let at = book.intents.iter().position(fits)?;
        if book.document.release(book.intents[at].sequence, now) != Release::Now {
            return None;
        }
        let declared = book.intents.remove(at)?;
        let step = declared.intent.step.or_else(|| self.last_step());
        Some(Evidence { document: self.id, sequence: declared.sequence, step })
    }

    fn declare(&self, intent: Intent, sequence: u32, now: Instant) {
        let mut book = lock(&self.book);
        if book.intents.len() < INTENTS_PER_DOCUMENT {
            book.intents.push_back(Declared { intent, sequence, at: now });
        }
    }

    fn counts_as_silent(&self, now: Instant) -> bool {
        let book = lock(&self.book);
        self.top && !book.forgiven && book.document.never_said_hello(now)
    }

    /// Whether it may be forgotten when there is too much to remember.
    fn is_over(&self, now: Instant) -> bool {
        let book = lock(&self.book);
        // A frame that never said hello runs no scripts, and counts for nothing.
        let mute = book.document.never_said_hello(now) && (book.forgiven || !self.top);
        mute || matches!(book.document.state(now), DocumentState::Lost | DocumentState::Ended)
    }
}

/// What a batch declares.
#[derive(Debug, Default)]
pub(crate) struct Declarations {
    /// Requests that cannot carry a proof.
    pub intents: Vec<Intent>,
    /// The `seq` of the last step.
    pub last_step: Option<u64>,
}

impl RecordedSignIn {
    fn new(live: Arc<LiveSignIn>, writer: Arc<Writer>) -> Arc<Self> {
        Arc::new(Self {
            live,
            frames: Frames::begin(writer.clone()),
            secret: writer.document_secret(),
            writer,
            held: Semaphore::new(HELD_PER_SIGN_IN),
            assets: Arc::new(Semaphore::new(ASSETS_WAITING)),
            changed: Notify::new(),
            documents: Mutex::default(),
            over_since: OnceLock::new(),
        })
    }

    /// The key that a document of this recording has, whether or not it is known here.
    pub(crate) fn key(&self, document: DocumentId) -> DocumentKey {
        DocumentKey::derive(&self.secret, document)
    }

    /// The document of that id.
    pub(crate) fn document(&self, id: DocumentId) -> Option<Arc<Tracked>> {
        lock(&self.documents).get(&id).cloned()
    }

    /// Every document.
    pub(crate) fn all(&self) -> Vec<Arc<Tracked>> {
        lock(&self.documents).values().cloned().collect()
    }

    /// Whether recorders were kept from running too often: changes are refused, and the next page says so.
    pub(crate) fn recorder_is_blocked(&self, now: Instant) -> bool {
        if WITHOUT_BROWSER {
            return false;
        }
        let documents = lock(&self.documents);
        documents.values().filter(|document| document.counts_as_silent(now)).count() > NEVER_SAID_HELLO_LIMIT
    }

    /// Another try: what never said hello so far does not count any more.
    pub(crate) fn forgive(&self, now: Instant) {
        for document in self.all() {
            let mut book = lock(&document.book);
            book.forgiven |= book.document.never_said_hello(now);
        }
    }

    /// Whether one more document may begin to load.
    pub(crate) fn may_load(&self, now: Instant) -> bool {
        if WITHOUT_BROWSER {
            return true;
        }
        let documents = lock(&self.documents);
        let loading = |document: &&Arc<Tracked>| lock(&document.book).document.is_loading(now);
        documents.values().filter(loading).count() < LOADING_LIMIT
    }

    /// Whether any document may still bring evidence.
    pub(crate) fn may_prove(&self, now: Instant) -> bool {
        let documents = lock(&self.documents);
        documents.values().any(|document| document.state(now) != DocumentState::Lost)
    }

    /// Takes an unused intent for this request, from whichever document declared it.
    pub(crate) fn take_intent(&self, method: &str, path_and_query: &str, now: Instant) -> Option<Evidence> {
        self.all().into_iter().find_map(|document| document.take_intent(method, path_and_query, now))
    }

    /// A redirect leads on: the evidence for a request explains the next one, too.
    pub(crate) fn follow(&self, evidence: &Evidence, method: &str, path_and_query: &str, now: Instant) {
        if let Some(document) = self.document(evidence.document) {
            let intent = Intent {
                id: String::new(),
                method: method.to_owned(),
                url: path_and_query.to_owned(),
                via: "redirect".to_owned(),
                step: evidence.step,
            };
            document.declare(intent, evidence.sequence, now);
        }
    }

    /// Forgets what is over when there is too much of it; pages that go on are never forgotten.
    fn make_room(&self, now: Instant) -> Vec<DocumentId> {
        let mut documents = lock(&self.documents);
        if documents.len() < DOCUMENTS_PER_SIGN_IN {
            return Vec::new();
        }
        let mut over: Vec<_> = documents
            .values()
            .filter(|document| WITHOUT_BROWSER || document.is_over(now))
            .map(|document| (lock(&document.book).document.issued_at(), document.id))
            .collect();
        over.sort_unstable_by_key(|(issued_at, _)| *issued_at);
        over.truncate(DOCUMENTS_PER_SIGN_IN / 4);
        let forgotten: Vec<_> = over.into_iter().map(|(_, id)| id).collect();
        for id in &forgotten {
            documents.remove(id);
        }
        forgotten
    }
}

/// Every recorded sign-in of this node.
#[derive(Default)]
pub(crate) struct Documents {
    sign_ins: RwLock<HashMap<SignInId, Arc<RecordedSignIn>>>,
    owners: RwLock<HashMap<DocumentId, SignInId>>,
}

impl Documents {
    /// The recorded sign-in; it begins to be tracked with its first request.
    pub(crate) fn of(&self, live: &Arc<LiveSignIn>, writer: &Arc<Writer>) -> Arc<RecordedSignIn> {
        if let Some(known) = self.by_sign_in(live.id) {
            return known;
        }
        let mut sign_ins = self.sign_ins.write().unwrap_or_else(PoisonError::into_inner);
        sign_ins.entry(live.id).or_insert_with(|| RecordedSignIn::new(live.clone(), writer.clone())).clone()
    }

    /// The recorded sign-in of that id.
    pub(crate) fn by_sign_in(&self, id: SignInId) -> Option<Arc<RecordedSignIn>> {
        self.sign_ins.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// A document with its sign-in: also after the sign-in ended, so that its tail is taken.
    pub(crate) fn find(&self, id: DocumentId) -> Option<(Arc<RecordedSignIn>, Arc<Tracked>)> {
        let owner = *self.owners.read().unwrap_or_else(PoisonError::into_inner).get(&id)?;
        let sign_in = self.by_sign_in(owner)?;
        let document = sign_in.document(id)?;
        Some((sign_in, document))
    }

    /// Issues a document: its HTML begins to go out.
    pub(crate) fn issue(
        &self,
        sign_in: &Arc<RecordedSignIn>,
        id: DocumentId,
        key: DocumentKey,
        kind: DocumentKind,
        now: Instant,
    ) -> Arc<Tracked> {
        let forgotten = sign_in.make_room(now);
        let document = Tracked::new(id, key, kind == DocumentKind::Page, now);
        lock(&sign_in.documents).insert(id, document.clone());
        let mut owners = self.owners.write().unwrap_or_else(PoisonError::into_inner);
        for id in forgotten {
            owners.remove(&id);
        }
        owners.insert(id, sign_in.live.id);
        document
    }

    /// Every recorded sign-in that is tracked.
    pub(crate) fn all(&self) -> Vec<Arc<RecordedSignIn>> {
        self.sign_ins.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Forgets the sign-ins that have been over for longer than a tail may take.
    pub(crate) fn forget_over(&self, now: Instant) {
        for sign_in in self.all() {
            let over = sign_in.live.is_cut().is_some() || now >= sign_in.live.deadline();
            if !over {
                continue;
            }
            let since = *sign_in.over_since.get_or_init(tokio::time::Instant::now);
            if since.elapsed() > crate::limits::TAIL {
                self.sign_ins.write().unwrap_or_else(PoisonError::into_inner).remove(&sign_in.live.id);
                let mut owners = self.owners.write().unwrap_or_else(PoisonError::into_inner);
                owners.retain(|_, owner| *owner != sign_in.live.id);
            }
        }
    }
}

/// What a document is to the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DocumentKind {
    /// A page of its own, in a tab or a window.
    Page,
    /// Inside another page.
    Frame,
}
