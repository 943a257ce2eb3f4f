//! The contract that every store keeps.

use futures_util::future::BoxFuture;
use hearback_event::{Address, EventId, MessageId, Record, Timestamp};

use crate::{
    AddressPage, Alerts, Begin, ConsumerState, DeliveryTimes, DestinationClaim, DestinationControl,
    DestinationState, Dropped, Due, EventQuery, Expectation, FailedPush, FailedPushQuery, Forgotten,
    MessagePage, MessageQuery, MessageView, NewToken, Page, Payload, Profile, Progress, QuarantineCount,
    QuarantineEntry, QuarantineFilter, RebuildReport, Receipt, RecipientPage, RecipientQuery, RecipientView,
    Refused, Retention, RollupRow, Settled, SourceActivity, StoreError, StoreStats, Submission,
    SuppressionQuery, SuppressionView, TokenView, Watched,
};

/// What a store's functions give: an answer, some time later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A place for events. Object-safe; one `Arc<dyn Store>` serves a whole process.
///
/// A reader never sees a state that the events contradict: what [`Store::submit`] has answered is in every read that
/// begins afterwards.
pub trait Store: Alerts + Send + Sync {
    /// Keeps an authentic request. The answer comes after the commit that holds it; [`StoreError::Overloaded`] at once
    /// when too many wait.
    fn submit(&self, submission: Submission) -> Answer<'_, Receipt>;

    /// Keeps a refused request, and drops the oldest of the same source beyond the bounds.
    fn quarantine(&self, refused: Refused) -> Answer<'_, ()>;

    /// One page of the log.
    fn events(&self, query: EventQuery) -> Answer<'_, Page<Record>>;

    /// One event.
    fn event(&self, id: EventId) -> Answer<'_, Option<Record>>;

    /// The raw request that holds the event, if it is still kept.
    fn payload(&self, id: EventId) -> Answer<'_, Option<Payload>>;

    /// The position of the newest event; 0 in an empty log. Followers wait for it to grow.
    fn last_position(&self) -> u64;

    /// The position of the newest event, and every time that it grows. For few: whoever wakes thousands keeps one and passes
    /// it on.
    fn follow(&self) -> tokio::sync::watch::Receiver<u64>;

    /// One message.
    fn message(&self, id: MessageId) -> Answer<'_, Option<MessageView>>;

    /// The messages that have one of these ids, each once, in no order.
    fn messages_of(&self, ids: Vec<MessageId>) -> Answer<'_, Vec<MessageView>>;

    /// One page of messages, newest first.
    fn messages(&self, query: MessageQuery) -> Answer<'_, MessagePage>;

    /// The messages (one per recipient) that any account sent under the provider's id, angle brackets or not.
    fn messages_by_provider_id(&self, provider_id: String) -> Answer<'_, Vec<MessageView>>;

    /// One recipient.
    fn recipient(&self, address: Address) -> Answer<'_, Option<RecipientView>>;

    /// Many recipients at once, in the order asked; `None` where nothing is known.
    fn recipients(&self, addresses: Vec<Address>) -> Answer<'_, Vec<Option<RecipientView>>>;

    /// Recipients, those with the newest activity first. Each is listed exactly once though events arrive between the pages:
    /// the list is as of its first page.
    fn list_recipients(&self, query: RecipientQuery) -> Answer<'_, RecipientPage>;

    /// The recipients whose profile names this user, in the order of the address, beginning after `after`.
    fn recipients_of_user(
        &self,
        user_id: String,
        after: Option<Address>,
        limit: usize,
    ) -> Answer<'_, AddressPage<RecipientView>>;

    /// Keeps what the application or a person says of a recipient, in the place of what was said before. Whether anything
    /// changed.
    fn put_profile(&self, address: Address, profile: Profile) -> Answer<'_, bool>;

    /// Keeps the application's ids for recipients of whom it has said none yet; of several for one, the first. How many were new.
    fn name_users(&self, users: Vec<(Address, String)>) -> Answer<'_, u64>;

    /// Addresses that must not be sent to, in the order of the address.
    fn suppressions(&self, query: SuppressionQuery) -> Answer<'_, AddressPage<SuppressionView>>;

    /// Hourly counts of events by source, between two moments.
    fn hourly(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<RollupRow>>;

    /// Daily counts by tag.
    fn daily_by_tag(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<RollupRow>>;

    /// Daily counts by recipient domain.
    fn daily_by_domain(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<RollupRow>>;

    /// Deliveries by hour, source and how long they took.
    fn delivery_times(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<DeliveryTimes>>;

    /// Every source that ever told something, with what it told.
    fn sources(&self) -> Answer<'_, Vec<SourceActivity>>;

    /// Refused requests, newest first, without bodies.
    fn quarantined(&self, filter: QuarantineFilter) -> Answer<'_, Vec<QuarantineEntry>>;

    /// One refused request, with its body.
    fn quarantine_entry(&self, id: u64) -> Answer<'_, Option<QuarantineEntry>>;

    /// How many refused requests are kept, by source and cause.
    fn quarantine_counts(&self) -> Answer<'_, Vec<QuarantineCount>>;

    /// Takes a refused request out of the quarantine, after it was admitted or by a person's will. Whether it was there.
    fn quarantine_remove(&self, id: u64) -> Answer<'_, bool>;

    /// Writes and reads one row, to see whether the store can be written now.
    fn check_writable(&self) -> Answer<'_, ()>;

    /// Figures about the store itself.
    fn stats(&self) -> Answer<'_, StoreStats>;

    /// Keeps a token's hash.
    fn add_token(&self, token: NewToken) -> Answer<'_, TokenView>;

    /// Every token.
    fn tokens(&self) -> Answer<'_, Vec<TokenView>>;

    /// Forgets a token. Whether it was there.
    fn remove_token(&self, id: u64) -> Answer<'_, bool>;

    /// Computes every projection anew from the log and compares (`check`), or replaces what is kept. `progress` is told
    /// how many of how many events are read.
    fn rebuild(&self, check: bool, progress: Box<dyn Fn(u64, u64) + Send>) -> Answer<'_, RebuildReport>;

    /// Drops what is older than `retention` has it at `now`, in small steps between the batches of what comes in.
    fn retain(&self, retention: Retention, now: Timestamp) -> Answer<'_, Dropped>;

    /// Erases everything that is known of an address up to now: of its events nothing is left but that they happened. A later
    /// event to it begins a new life.
    fn forget(&self, address: Address) -> Answer<'_, Forgotten>;

    /// Sets a destination up, unless it is known, and tells where it stands.
    fn register_destination(&self, name: String, begin: Begin) -> Answer<'_, DestinationState>;

    /// Every destination that was ever set up, by name.
    fn destinations(&self) -> Answer<'_, Vec<DestinationState>>;

    /// Whether other processes may use the same database. Where none can, what another owner has is nobody's.
    fn is_shared(&self) -> bool;

    /// Makes a process the owner of destinations: the one that pushes. Which are its own now; asked again and again, it keeps
    /// them.
    fn claim_destinations(&self, claim: DestinationClaim) -> Answer<'_, Vec<String>>;

    /// Leaves all that an owner has to others.
    fn release_destinations(&self, owner: String) -> Answer<'_, ()>;

    /// Writes down how far the owner of a destination has come, durably. False, and nothing written, where it is not the owner
    /// any more.
    fn save_progress(&self, progress: Progress) -> Answer<'_, bool>;

    /// Holds a destination, or lets it go on. Whether it is known.
    fn control_destination(
        &self,
        name: String,
        control: DestinationControl,
        now: Timestamp,
    ) -> Answer<'_, bool>;

    /// Pushes that failed, in the order of the log.
    fn failed_pushes(&self, query: FailedPushQuery) -> Answer<'_, Vec<FailedPush>>;

    /// One push that failed.
    fn failed_push(&self, destination: String, position: u64) -> Answer<'_, Option<FailedPush>>;

    /// Has events pushed once more, as if they had never been tried; not those that were dropped or forgotten. How many.
    fn push_again(&self, destination: String, positions: Vec<u64>, now: Timestamp) -> Answer<'_, u64>;

    /// Consumers that pull and keep their place here, by name.
    fn consumers(&self) -> Answer<'_, Vec<ConsumerState>>;

    /// Keeps the place of one, making it where it is not known.
    fn set_consumer(&self, consumer: ConsumerState) -> Answer<'_, ()>;

    /// Forgets one. Whether it was there.
    fn remove_consumer(&self, name: String) -> Answer<'_, bool>;

    /// Keeps registered messages that are expected by a time, and that registrations up to a position are known.
    fn expect(&self, expected: Vec<Expectation>, upto: u64, now: Timestamp) -> Answer<'_, ()>;

    /// Expected messages that are due at a moment and not settled, the longest due first.
    fn due(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Due>>;

    /// Overdue messages to any of these recipients; perhaps some to others.
    fn overdue_to(&self, recipients: Vec<Address>) -> Answer<'_, Vec<Due>>;

    /// Writes down what came of expected messages.
    fn settle(&self, settled: Vec<Settled>) -> Answer<'_, ()>;

    /// How much is expected and overdue, and up to where registrations are known.
    fn watched(&self) -> Answer<'_, Watched>;

    /// Commits what waits and closes. Submissions after that are answered [`StoreError::Stopped`].
    fn close(&self) -> Answer<'_, ()>;
}
