//! The contract, kept by the log over either database.

use std::sync::Arc;

use futures_util::FutureExt as _;
use hearback_event::{Address, EventId, Kind, MessageId, Origin, Record, Timestamp};

use super::message::Messages;
use super::names::{ByName, Sums};
use super::queue::Command;
use super::rollup::{self, Rollup};
use super::stage::stage;
use super::{
    LogStore, Shared, Writing, delivery, expectations, message_list, people, profiles, quarantine, rebuild,
    recipient_list, rows, search, tokens,
};
use crate::session::{Session, params};
use crate::{
    AddressPage, Answer, Begin, ConsumerState, DeliveryTimes, DestinationClaim, DestinationControl,
    DestinationState, Dropped, Due, EventFilter, EventQuery, Expectation, FailedPush, FailedPushQuery,
    Forgotten, MessagePage, MessageQuery, MessageView, NewToken, Page, Payload, Profile, Progress,
    QuarantineCount, QuarantineEntry, QuarantineFilter, RebuildReport, Receipt, RecipientPage,
    RecipientQuery, RecipientView, Refused, Retention, RollupRow, Settled, SourceActivity, Store, StoreError,
    StoreStats, Submission, SuppressionQuery, SuppressionView, TokenView, Watched,
};

/// More rows than this are not given at once.
const MOST_ROWS: usize = 1000;
/// More messages than this are not given at once.
const MOST_MESSAGES: usize = 200;

impl Store for LogStore {
    fn submit(&self, submission: Submission) -> Answer<'_, Receipt> {
        let answer = self.enqueue(submission);
        async move { answer?.await.map_err(|_| StoreError::Stopped)? }.boxed()
    }

    fn quarantine(&self, refused: Refused) -> Answer<'_, ()> {
        let limits = self.quarantine;
        self.write(move |session| quarantine::insert(session, &refused, limits)).boxed()
    }

    fn events(&self, mut query: EventQuery) -> Answer<'_, Page<Record>> {
        query.limit = query.limit.clamp(1, MOST_ROWS);
        self.read(move |shared, session| search::find(shared, session, &query)).boxed()
    }

    fn event(&self, id: EventId) -> Answer<'_, Option<Record>> {
        self.read(move |shared, session| {
            let found = rows::one(session, &shared.sources(), id.position())?;
            // The rest of the id must agree: a made-up id that hits a position is no id.
            Ok(found.filter(|record| record.id() == id))
        })
        .boxed()
    }

    fn payload(&self, id: EventId) -> Answer<'_, Option<Payload>> {
        self.read(move |shared, session| {
            let found = rows::one(session, &shared.sources(), id.position())?;
            let Some(payload) = found.filter(|record| record.id() == id).and_then(|record| record.payload)
            else {
                return Ok(None);
            };
            shared.codec.read(session, payload)
        })
        .boxed()
    }

    fn last_position(&self) -> u64 {
        *self.shared.last_position.borrow()
    }

    fn follow(&self) -> tokio::sync::watch::Receiver<u64> {
        self.shared.last_position.subscribe()
    }

    fn message(&self, id: MessageId) -> Answer<'_, Option<MessageView>> {
        self.read(move |shared, session| messages(shared, session).one(id)).boxed()
    }

    fn messages_of(&self, ids: Vec<MessageId>) -> Answer<'_, Vec<MessageView>> {
        self.read(move |shared, session| messages(shared, session).of_ids(ids)).boxed()
    }

    fn messages(&self, mut query: MessageQuery) -> Answer<'_, MessagePage> {
        query.limit = query.limit.clamp(1, MOST_MESSAGES);
        self.read(move |shared, session| message_list::page(shared, session, &query)).boxed()
    }

    fn messages_by_provider_id(&self, provider_id: String) -> Answer<'_, Vec<MessageView>> {
        self.read(move |shared, session| {
            let bare = provider_id.trim().trim_start_matches('<').trim_end_matches('>');
            messages(shared, session).of_provider_id(bare)
        })
        .boxed()
    }

    fn recipient(&self, address: Address) -> Answer<'_, Option<RecipientView>> {
        self.read(move |shared, session| people::view_of(shared, session, address)).boxed()
    }

    fn recipients(&self, addresses: Vec<Address>) -> Answer<'_, Vec<Option<RecipientView>>> {
        self.read(move |shared, session| people::views(shared, session, &addresses)).boxed()
    }

    fn list_recipients(&self, mut query: RecipientQuery) -> Answer<'_, RecipientPage> {
        query.limit = query.limit.clamp(1, MOST_ROWS);
        self.read(move |shared, session| recipient_list::page(shared, session, &query)).boxed()
    }

    fn recipients_of_user(
        &self,
        user_id: String,
        after: Option<Address>,
        limit: usize,
    ) -> Answer<'_, AddressPage<RecipientView>> {
        let limit = limit.clamp(1, MOST_ROWS);
        self.read(move |shared, session| profiles::of_user(shared, session, &user_id, after.as_ref(), limit))
            .boxed()
    }

    fn put_profile(&self, address: Address, profile: Profile) -> Answer<'_, bool> {
        self.write(move |session| profiles::put(session, &address, &profile)).boxed()
    }

    fn name_users(&self, users: Vec<(Address, String)>) -> Answer<'_, u64> {
        async move {
            // Nearly all are known already, and reading holds nobody up.
            let users: Arc<[(Address, String)]> = users.into();
            let asked = Arc::clone(&users);
            let missing = self.read(move |_, session| profiles::without_user(session, &asked)).await?;
            if missing.is_empty() {
                return Ok(0);
            }
            self.write(move |session| profiles::name_users(session, &users)).await
        }
        .boxed()
    }

    fn suppressions(&self, mut query: SuppressionQuery) -> Answer<'_, AddressPage<SuppressionView>> {
        query.limit = query.limit.clamp(1, MOST_ROWS);
        self.read(move |shared, session| people::suppressions(shared, session, &query)).boxed()
    }

    fn hourly(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<RollupRow>> {
        self.rollup(Rollup::Hourly, since, until)
    }

    fn daily_by_tag(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<RollupRow>> {
        self.rollup(Rollup::ByName(ByName::Tag), since, until)
    }

    fn daily_by_domain(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<RollupRow>> {
        self.rollup(Rollup::ByName(ByName::Domain), since, until)
    }

    fn delivery_times(&self, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<DeliveryTimes>> {
        async move {
            let rows = self.rollup(Rollup::Delays, since, until).await?;
            let sources = self.shared.sources();
            let read = |row: RollupRow| {
                let (source, step) = row.of.split_once(':')?;
                let source = sources.name(source.parse().ok()?);
                Some(DeliveryTimes { start: row.start, source, step: step.parse().ok()?, count: row.count })
            };
            Ok(rows.into_iter().filter_map(read).collect())
        }
        .boxed()
    }

    fn sources(&self) -> Answer<'_, Vec<SourceActivity>> {
        self.read(sources).boxed()
    }

    fn quarantined(&self, mut filter: QuarantineFilter) -> Answer<'_, Vec<QuarantineEntry>> {
        filter.limit = filter.limit.clamp(1, MOST_ROWS);
        self.read(move |_, session| quarantine::list(session, &filter)).boxed()
    }

    fn quarantine_entry(&self, id: u64) -> Answer<'_, Option<QuarantineEntry>> {
        self.read(move |_, session| quarantine::get(session, id)).boxed()
    }

    fn quarantine_counts(&self) -> Answer<'_, Vec<QuarantineCount>> {
        self.read(|_, session| quarantine::counts(session)).boxed()
    }

    fn quarantine_remove(&self, id: u64) -> Answer<'_, bool> {
        self.write(move |session| quarantine::remove(session, id)).boxed()
    }

    fn check_writable(&self) -> Answer<'_, ()> {
        self.write(|session| {
            let now = Timestamp::now();
            let sql = "INSERT INTO heartbeat (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at";
            session.execute(sql, params![now]).map(|_| ())
        })
        .boxed()
    }

    fn stats(&self) -> Answer<'_, StoreStats> {
        let (queue_depth, queue_capacity) = match &self.writing {
            Writing::Journal(queue) => queue.depth(),
            Writing::Beside(_) => (0, 0),
        };
        self.read(move |shared, session| {
            let quarantined = session.number("SELECT count(*) FROM quarantine", params![])? as u64;
            let (database_bytes, wal_bytes) = shared.readers.sizes(session)?;
            let tail = shared.tail.read();
            Ok(StoreStats {
                last_position: tail.last_position,
                first_position: tail.start(),
                database_bytes,
                wal_bytes,
                queue_depth,
                queue_capacity,
                unsealed_events: tail.unsealed_events() as u64,
                quarantined,
            })
        })
        .boxed()
    }

    fn add_token(&self, token: NewToken) -> Answer<'_, TokenView> {
        self.write(move |session| tokens::add(session, &token)).boxed()
    }

    fn tokens(&self) -> Answer<'_, Vec<TokenView>> {
        self.read(|_, session| tokens::list(session)).boxed()
    }

    fn remove_token(&self, id: u64) -> Answer<'_, bool> {
        self.write(move |session| tokens::remove(session, id)).boxed()
    }

    fn rebuild(&self, check: bool, progress: Box<dyn Fn(u64, u64) + Send>) -> Answer<'_, RebuildReport> {
        async move {
            let quiet = |_, _| ();
            let (told, replace): (Box<dyn Fn(u64, u64) + Send>, _) =
                if check { (progress, None) } else { (Box::new(quiet), Some(progress)) };
            let report = self
                .read(move |shared, session| {
                    let mut report = RebuildReport::default();
                    shared.readers.in_one_state(session, &mut |session| {
                        let mut sources = rows::Sources::default();
                        sources.load(session)?;
                        report = rebuild::check(session, &sources, &*told)?;
                        Ok(())
                    })?;
                    Ok(report)
                })
                .await?;
            if let Some(progress) = replace {
                self.replace_projections(progress).await?;
            }
            Ok(report)
        }
        .boxed()
    }

    fn retain(&self, retention: Retention, now: Timestamp) -> Answer<'_, Dropped> {
        self.drop_old(retention, now).boxed()
    }

    fn forget(&self, address: Address) -> Answer<'_, Forgotten> {
        self.erase(address).boxed()
    }

    fn register_destination(&self, name: String, begin: Begin) -> Answer<'_, DestinationState> {
        self.write(move |session| delivery::register(session, &name, begin)).boxed()
    }

    fn destinations(&self) -> Answer<'_, Vec<DestinationState>> {
        self.read(|_, session| delivery::list(session)).boxed()
    }

    fn is_shared(&self) -> bool {
        self.shared.others_write
    }

    fn claim_destinations(&self, claim: DestinationClaim) -> Answer<'_, Vec<String>> {
        // Whoever has the file for himself knows that nobody else is alive.
        let alone = !self.shared.others_write;
        self.write(move |session| delivery::claim(session, &claim, alone)).boxed()
    }

    fn release_destinations(&self, owner: String) -> Answer<'_, ()> {
        self.write(move |session| delivery::release(session, &owner)).boxed()
    }

    fn save_progress(&self, progress: Progress) -> Answer<'_, bool> {
        self.write(move |session| delivery::save(session, &progress)).boxed()
    }

    fn control_destination(
        &self,
        name: String,
        control: DestinationControl,
        now: Timestamp,
    ) -> Answer<'_, bool> {
        self.write(move |session| delivery::control(session, &name, control, now)).boxed()
    }

    fn failed_pushes(&self, mut query: FailedPushQuery) -> Answer<'_, Vec<FailedPush>> {
        query.limit = query.limit.clamp(1, MOST_ROWS);
        self.read(move |_, session| delivery::failed_pushes(session, &query)).boxed()
    }

    fn failed_push(&self, destination: String, position: u64) -> Answer<'_, Option<FailedPush>> {
        self.read(move |_, session| delivery::failed_push(session, &destination, position)).boxed()
    }

    fn push_again(&self, destination: String, positions: Vec<u64>, now: Timestamp) -> Answer<'_, u64> {
        self.write(move |session| delivery::push_again(session, &destination, &positions, now)).boxed()
    }

    fn consumers(&self) -> Answer<'_, Vec<ConsumerState>> {
        self.read(|_, session| delivery::consumers(session)).boxed()
    }

    fn set_consumer(&self, consumer: ConsumerState) -> Answer<'_, ()> {
        self.write(move |session| delivery::set_consumer(session, &consumer)).boxed()
    }

    fn remove_consumer(&self, name: String) -> Answer<'_, bool> {
        self.write(move |session| delivery::remove_consumer(session, &name)).boxed()
    }

    fn expect(&self, expected: Vec<Expectation>, upto: u64, now: Timestamp) -> Answer<'_, ()> {
        self.write(move |session| expectations::expect(session, &expected, upto, now)).boxed()
    }

    fn due(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Due>> {
        let limit = limit.clamp(1, MOST_ROWS);
        self.read(move |shared, session| expectations::due(session, &shared.sources(), now, limit)).boxed()
    }

    fn overdue_to(&self, recipients: Vec<Address>) -> Answer<'_, Vec<Due>> {
        self.read(move |shared, session| expectations::overdue_to(session, &shared.sources(), &recipients))
            .boxed()
    }

    fn settle(&self, settled: Vec<Settled>) -> Answer<'_, ()> {
        self.write(move |session| expectations::settle(session, &settled)).boxed()
    }

    fn watched(&self) -> Answer<'_, Watched> {
        self.read(|_, session| expectations::watched(session)).boxed()
    }

    fn close(&self) -> Answer<'_, ()> {
        async move {
            let Writing::Journal(queue) = &self.writing else { return Ok(()) };
            let (reply, answer) = tokio::sync::oneshot::channel();
            match queue.send(Command::Close(reply)) {
                // The journal ends by itself when it has committed what waits.
                Ok(()) => answer.await.map_err(|_| StoreError::Stopped),
                Err(StoreError::Stopped) => Ok(()),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }
}

type Waiting = tokio::sync::oneshot::Receiver<Result<Receipt, StoreError>>;

impl LogStore {
    fn enqueue(&self, submission: Submission) -> Result<Waiting, StoreError> {
        let Writing::Journal(queue) = &self.writing else { return Err(StoreError::Stopped) };
        // Only a provider's request is kept as it came: not an import, nor what was told over the API.
        let packed = if matches!(submission.origin, Origin::Import | Origin::Application | Origin::Hearback) {
            None
        } else {
            let (packed, training) =
                self.shared.codec.pack(&submission.source.provider, &submission.payload)?;
            if let Some(training) = training {
                queue.train(training);
            }
            Some(packed)
        };
        queue.submit(stage(submission, packed))
    }

    async fn replace_projections(&self, progress: Box<dyn Fn(u64, u64) + Send>) -> Result<(), StoreError> {
        let Writing::Journal(queue) = &self.writing else { return Err(StoreError::Stopped) };
        let (reply, answer) = tokio::sync::oneshot::channel();
        queue.send(Command::Rebuild(progress, reply))?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }

    fn rollup(&self, rollup: Rollup, since: Timestamp, until: Timestamp) -> Answer<'_, Vec<RollupRow>> {
        self.read(move |shared, session| {
            let range = rollup::steps(rollup, since, until);
            let (counts, unsealed) = {
                let (tail, sources) = (shared.tail.read(), shared.sources());
                let mut counts = Sums::default();
                for period in &tail.unsealed {
                    rollup::collect(rollup, period, range, &|number| sources.name(number), &mut counts);
                }
                (counts, tail.first_unsealed())
            };
            rollup::read(session, rollup, range, unsealed, counts)
        })
        .boxed()
    }
}

/// Messages as the log stands now.
fn messages<'a>(shared: &'a Shared, session: &'a dyn Session) -> Messages<'a> {
    Messages { shared, session, as_of: shared.tail.read().last_position }
}

fn sources(shared: &Shared, session: &dyn Session) -> Result<Vec<SourceActivity>, StoreError> {
    let known: Vec<_> = shared.sources().iter().cloned().collect();
    let all = (i64::MIN, i64::MAX);
    let (counts, unsealed) = {
        let (tail, names) = (shared.tail.read(), shared.sources());
        let mut counts = Sums::default();
        for period in &tail.unsealed {
            rollup::collect(Rollup::Hourly, period, all, &|number| names.name(number), &mut counts);
        }
        (counts, tail.first_unsealed())
    };
    let hourly = rollup::read(session, Rollup::Hourly, all, unsealed, counts)?;
    let mut activities = Vec::new();
    for source in known {
        let query = EventQuery {
            filter: EventFilter {
                kinds: Kind::TOLD_BY_PROVIDERS.to_vec(),
                source: Some(source.name.to_string()),
                ..EventFilter::default()
            },
            limit: 1,
            ..EventQuery::default()
        };
        let newest = search::find(shared, session, &query)?.rows.pop();
        let events = Kind::ALL
            .iter()
            .map(|kind| {
                (
                    *kind,
                    hourly
                        .iter()
                        .filter(|row| row.kind == *kind && *row.of == *source.name)
                        .map(|row| row.count)
                        .sum(),
                )
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        activities.push(SourceActivity {
            name: source.name.to_string(),
            provider: source.provider.to_string(),
            events,
            last_received_at: newest.map(|record| record.received_at),
        });
    }
    Ok(activities)
}
