//! That the conformance suite asks for every operation of the contract: a store that writes down what it is asked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use hearback_event::{Address, EventId, MessageId, Record, Timestamp};
use hearback_store::{
    AddressPage, AlertChange, AlertCounts, AlertDesk, AlertItem, AlertQuery, AlertSave, Alerts, Answer,
    Begin, ConsumerState, DeliveryTimes, DestinationClaim, DestinationControl, DestinationState, Dropped,
    Due, EventQuery, Expectation, FailedPush, FailedPushQuery, Forgotten, MessagePage, MessageQuery,
    MessageView, NewToken, Page, Payload, Profile, Progress, QuarantineCount, QuarantineEntry,
    QuarantineFilter, RebuildReport, Receipt, RecipientPage, RecipientQuery, RecipientView, Refused,
    Retention, RollupRow, Settled, SourceActivity, Store, StoreStats, Submission, SuppressionQuery,
    SuppressionView, TokenView, Watched,
};

use crate::support::Home;
use crate::{
    alerts, conformance, delivery, delivery_times, expectations, forget, listing, message_lists, messages,
    people, retention,
};

/// What this process has asked of its stores.
static ASKED: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// A store that writes down what it is asked.
pub(crate) struct Recorded(pub(crate) Arc<dyn Store>);

macro_rules! record {
    ($contract:ident, $operations:ident: $(fn $name:ident(&self $(, $argument:ident: $kind:ty)*) -> $answer:ty;)+) => {
        impl $contract for Recorded {
            $(fn $name(&self $(, $argument: $kind)*) -> $answer {
                ASKED.lock().unwrap().insert(stringify!($name));
                self.0.$name($($argument),*)
            })+
        }

        const $operations: &[&str] = &[$(stringify!($name)),+];
    };
}

record! { Alerts, OF_ALERTS:
    fn alert_desk(&self) -> Answer<'_, AlertDesk>;
    fn save_alerts(&self, save: AlertSave) -> Answer<'_, bool>;
    fn alerts_about(&self, subjects: Vec<[u8; 16]>) -> Answer<'_, Vec<AlertItem>>;
    fn alerts_standing(&self, beyond: u64, limit: usize) -> Answer<'_, Vec<AlertItem>>;
    fn alerts(&self, query: AlertQuery) -> Answer<'_, Vec<AlertItem>>;
    fn alert(&self, id: u64) -> Answer<'_, Option<AlertItem>>;
    fn change_alert(&self, id: u64, change: AlertChange, by: String, at: Timestamp) -> Answer<'_, Option<AlertItem>>;
    fn alert_counts(&self) -> Answer<'_, AlertCounts>;
    fn drop_alerts(&self, before: Timestamp) -> Answer<'_, u64>;
}

record! { Store, OPERATIONS:
    fn submit(&self, submission: Submission) -> Answer<'_, Receipt>;
    fn quarantine(&self, refused: Refused) -> Answer<'_, ()>;
    fn events(&self, query: EventQuery) -> Answer<'_, Page<Record>>;
    fn event(&self, id: EventId) -> Answer<'_, Option<Record>>;
    fn payload(&self, id: EventId) -> Answer<'_, Option<Payload>>;
    fn last_position(&self) -> u64;
    fn message(&self, id: MessageId) -> Answer<'_, Option<MessageView>>;
    fn messages_of(&self, ids: Vec<MessageId>) -> Answer<'_, Vec<MessageView>>;
    fn messages(&self, query: MessageQuery) -> Answer<'_, MessagePage>;
    fn messages_by_provider_id(&self, provider_id: String) -> Answer<'_, Vec<MessageView>>;
    fn recipient(&self, address: Address) -> Answer<'_, Option<RecipientView>>;
    fn recipients(&self, addresses: Vec<Address>) -> Answer<'_, Vec<Option<RecipientView>>>;
    fn list_recipients(&self, query: RecipientQuery) -> Answer<'_, RecipientPage>;
    fn recipients_of_user(&self, user_id: String, after: Option<Address>, limit: usize) -> Answer<'_, AddressPage<RecipientView>>;
    fn put_profile(&self, address: Address, profile: Profile) -> Answer<'_, bool>;
    fn name_users(&self, users: Vec<(Address, String)>) -> Answer<'_, u64>;
    fn suppressions(&self, query: SuppressionQuery) -> Answer<'_, AddressPage<SuppressionView>>;
    fn hourly(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<RollupRow>>;
    fn daily_by_tag(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<RollupRow>>;
    fn daily_by_domain(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<RollupRow>>;
    fn delivery_times(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<DeliveryTimes>>;
    fn sources(&self) -> Answer<'_, Vec<SourceActivity>>;
    fn quarantined(&self, filter: QuarantineFilter) -> Answer<'_, Vec<QuarantineEntry>>;
    fn quarantine_entry(&self, id: u64) -> Answer<'_, Option<QuarantineEntry>>;
    fn quarantine_counts(&self) -> Answer<'_, Vec<QuarantineCount>>;
    fn quarantine_remove(&self, id: u64) -> Answer<'_, bool>;
    fn check_writable(&self) -> Answer<'_, ()>;
    fn stats(&self) -> Answer<'_, StoreStats>;
    fn add_token(&self, token: NewToken) -> Answer<'_, TokenView>;
    fn tokens(&self) -> Answer<'_, Vec<TokenView>>;
    fn remove_token(&self, id: u64) -> Answer<'_, bool>;
    fn rebuild(&self, check: bool, progress: Box<dyn Fn(u64, u64) + Send>) -> Answer<'_, RebuildReport>;
    fn retain(&self, retention: Retention, now: Timestamp) -> Answer<'_, Dropped>;
    fn forget(&self, address: Address) -> Answer<'_, Forgotten>;
    fn follow(&self) -> tokio::sync::watch::Receiver<u64>;
    fn register_destination(&self, name: String, begin: Begin) -> Answer<'_, DestinationState>;
    fn destinations(&self) -> Answer<'_, Vec<DestinationState>>;
    fn is_shared(&self) -> bool;
    fn claim_destinations(&self, claim: DestinationClaim) -> Answer<'_, Vec<String>>;
    fn release_destinations(&self, owner: String) -> Answer<'_, ()>;
    fn save_progress(&self, progress: Progress) -> Answer<'_, bool>;
    fn control_destination(&self, name: String, control: DestinationControl, now: Timestamp) -> Answer<'_, bool>;
    fn failed_pushes(&self, query: FailedPushQuery) -> Answer<'_, Vec<FailedPush>>;
    fn failed_push(&self, destination: String, position: u64) -> Answer<'_, Option<FailedPush>>;
    fn push_again(&self, destination: String, positions: Vec<u64>, now: Timestamp) -> Answer<'_, u64>;
    fn consumers(&self) -> Answer<'_, Vec<ConsumerState>>;
    fn set_consumer(&self, consumer: ConsumerState) -> Answer<'_, ()>;
    fn remove_consumer(&self, name: String) -> Answer<'_, bool>;
    fn expect(&self, expected: Vec<Expectation>, upto: u64, now: Timestamp) -> Answer<'_, ()>;
    fn due(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Due>>;
    fn overdue_to(&self, recipients: Vec<Address>) -> Answer<'_, Vec<Due>>;
    fn settle(&self, settled: Vec<Settled>) -> Answer<'_, ()>;
    fn watched(&self) -> Answer<'_, Watched>;
    fn close(&self) -> Answer<'_, ()>;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_asked_for() {
    ASKED.lock().unwrap().clear();
    conformance::every_case(Home::sqlite).await;
    message_lists::every_case(Home::sqlite).await;
    messages::every_case(Home::sqlite).await;
    delivery::every_case(Home::sqlite).await;
    people::every_case(Home::sqlite).await;
    listing::filters_hold(&Home::sqlite()).await;
    delivery_times::every_case(Home::sqlite).await;
    expectations::every_case(Home::sqlite).await;
    alerts::every_case(Home::sqlite).await;
    retention::by_default_everything_is_kept(&Home::sqlite()).await;
    forget::who_was_never_there_is_not_found(&Home::sqlite()).await;
    let asked = ASKED.lock().unwrap();
    let missing: Vec<_> =
        OPERATIONS.iter().chain(OF_ALERTS).filter(|operation| !asked.contains(*operation)).collect();
    assert!(missing.is_empty(), "no test of the conformance suite asks for {missing:?}");
}
