//! A store in memory that can be told to fail.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use hearback_event::{
    Address, AlertState, DedupKey, EventId, Fact, Kind, MessageId, RecipientState, Record, SuppressionReason,
    Timestamp,
};
use hearback_store::{
    AddressPage, AlertChange, AlertCounts, AlertDesk, AlertItem, AlertQuery, AlertSave, Alerts, Answer,
    Begin, ConsumerState, DeliveryTimes, DestinationClaim, DestinationControl, DestinationState, Dropped,
    Due, EventFilter, EventQuery, Expectation, FailedPush, FailedPushQuery, Fate, Forgotten, MessagePage,
    MessageQuery, MessageView, NewToken, Order, Page, Payload, Profile, Progress, PushEnd, QuarantineCount,
    QuarantineEntry, QuarantineFilter, RebuildReport, Receipt, RecipientPage, RecipientQuery, RecipientView,
    Refused, Retention, RollupRow, Settled, SourceActivity, Store, StoreError, StoreStats, Submission,
    SuppressionQuery, SuppressionView, TokenView, Watched,
};

/// How a store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Overloaded,
    Stopped,
    Write,
}

impl Fault {
    fn error(self) -> StoreError {
        match self {
            Self::Overloaded => StoreError::Overloaded,
            Self::Stopped => StoreError::Stopped,
            Self::Write => StoreError::Write("disk full".to_owned()),
        }
    }
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) submissions: Vec<Submission>,
    pub(crate) records: Vec<Record>,
    pub(crate) quarantine: Vec<(u64, Refused)>,
    pub(crate) tokens: Vec<TokenView>,
    pub(crate) profiles: BTreeMap<Address, Profile>,
    pub(crate) fail_submit: Option<Fault>,
    pub(crate) fail_quarantine: Option<Fault>,
    pub(crate) token_reads: usize,
    seen: HashSet<DedupKey>,
    replay: HashMap<DedupKey, DedupKey>,
    refused: u64,
    paused: bool,
    consumers: std::collections::BTreeMap<String, ConsumerState>,
    pub(crate) alerts: Vec<AlertItem>,
}

#[derive(Default)]
pub(crate) struct FakeStore(pub(crate) Mutex<State>, tokio::sync::watch::Sender<u64>);

impl FakeStore {
    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn events(&self) -> usize {
        self.state().records.len()
    }

    /// The causes of what is in the quarantine.
    pub(crate) fn causes(&self) -> Vec<String> {
        self.state().quarantine.iter().map(|(_, refused)| refused.cause.clone()).collect()
    }
}

/// Nothing raises alerts here: they are what a test puts in.
impl Alerts for FakeStore {
    fn alert_desk(&self) -> Answer<'_, AlertDesk> {
        ready(Ok(AlertDesk::default()))
    }

    fn save_alerts(&self, _: AlertSave) -> Answer<'_, bool> {
        ready(Ok(true))
    }

    fn alerts_about(&self, _: Vec<[u8; 16]>) -> Answer<'_, Vec<AlertItem>> {
        ready(Ok(Vec::new()))
    }

    fn alerts_standing(&self, _: u64, _: usize) -> Answer<'_, Vec<AlertItem>> {
        ready(Ok(Vec::new()))
    }

    fn alerts(&self, query: AlertQuery) -> Answer<'_, Vec<AlertItem>> {
        let is_meant = |item: &&AlertItem| {
            item.part_of == query.part_of
                && query.before.is_none_or(|before| item.id < before)
                && query.rule.as_ref().is_none_or(|rule| *rule == item.rule)
                && (query.states.is_empty() || query.states.contains(&item.state))
        };
        ready(Ok(self.state().alerts.iter().rev().filter(is_meant).take(query.limit).cloned().collect()))
    }

    fn alert(&self, id: u64) -> Answer<'_, Option<AlertItem>> {
        ready(Ok(self.state().alerts.iter().find(|item| item.id == id).cloned()))
    }

    fn change_alert(
        &self,
        id: u64,
        change: AlertChange,
        by: String,
        at: Timestamp,
    ) -> Answer<'_, Option<AlertItem>> {
        let mut state = self.state();
        let found = state.alerts.iter_mut().find(|item| item.id == id);
        ready(Ok(found.map(|item| {
            match change {
                AlertChange::Acknowledge => {
                    item.state = AlertState::Acknowledged;
                    item.acknowledged = Some((at, by));
                }
                AlertChange::Resolve => {
                    item.state = AlertState::Resolved;
                    item.resolved = Some((at, by));
                }
            }
            item.clone()
        })))
    }

    fn alert_counts(&self) -> Answer<'_, AlertCounts> {
        ready(Ok(AlertCounts::default()))
    }

    fn drop_alerts(&self, _: Timestamp) -> Answer<'_, u64> {
        ready(Ok(0))
    }
}

fn ready<'a, T: Send + 'a>(value: Result<T, StoreError>) -> Answer<'a, T> {
    std::future::ready(value).boxed()
}

impl State {
    fn submit(&mut self, submission: Submission) -> Result<Receipt, StoreError> {
        if let Some(fault) = self.fail_submit {
            return Err(fault.error());
        }
        if let Some(token) = submission.replay_token
            && *self.replay.entry(token).or_insert(submission.digest) != submission.digest
        {
            return Ok(Receipt::ForgedReplay);
        }
        if submission.known_messages_only {
            return Ok(Receipt::UnknownMessage);
        }
        let (mut new, mut duplicates) = (0, 0);
        for event in &submission.events {
            if !event.dedup.iter().all(|key| self.seen.insert(*key)) {
                duplicates += 1;
                continue;
            }
            new += 1;
            self.records.push(Record {
                position: self.records.len() as u64 + 1,
                received_at: submission.received_at,
                source: Arc::clone(&submission.source.name),
                provider: Arc::clone(&submission.source.provider),
                account: Arc::clone(&submission.source.account),
                origin: submission.origin,
                verified: submission.verified,
                payload: Some(self.submissions.len() as u64),
                event: event.clone(),
            });
        }
        self.submissions.push(submission);
        Ok(Receipt::Stored { new, duplicates })
    }

    fn message(&self, id: MessageId) -> Option<MessageView> {
        let has = |record: &&Record| record.event.message_ids(&record.account).any(|known| known == id);
        MessageView::of(self.records.iter().filter(has).cloned().collect())
    }

    fn recipient(&self, address: &Address) -> Option<RecipientView> {
        let mut state = RecipientState::default();
        let mut found = self.profiles.contains_key(address);
        for record in self.records.iter().filter(|record| record.event.recipient.as_ref() == Some(address)) {
            state.add(&Fact::of(record, 1));
            found = true;
        }
        let view = RecipientView {
            address: address.clone(),
            status: state.status(),
            suppression: state.suppression().map(|suppression| SuppressionView {
                address: address.clone(),
                reason: suppression.reason,
                since: suppression.since,
                source: None,
            }),
            profile: self.profiles.get(address).cloned().unwrap_or_default(),
            state,
        };
        found.then_some(view)
    }

    fn entry(&self, id: u64, with_body: bool) -> Option<QuarantineEntry> {
        let (id, refused) = self.quarantine.iter().find(|(number, _)| *number == id)?;
        let mut payload = refused.payload.clone();
        if !with_body {
            payload.body = bytes::Bytes::new();
        }
        Some(QuarantineEntry {
            id: *id,
            source: refused.source.name.to_string(),
            provider: refused.source.provider.to_string(),
            received_at: refused.received_at,
            cause: refused.cause.clone(),
            detail: refused.detail.clone(),
            remote: refused.remote.clone(),
            body_bytes: refused.payload.body.len() as u64,
            payload,
        })
    }
}

fn passes(filter: &EventFilter, record: &Record) -> bool {
    let event = &record.event;
    (filter.kinds.is_empty() || filter.kinds.contains(&event.kind))
        && filter.source.as_ref().is_none_or(|source| **source == *record.source)
        && filter.recipient.as_ref().is_none_or(|recipient| event.recipient.as_ref() == Some(recipient))
        && (filter.messages.is_empty() || record.message_id().is_some_and(|id| filter.messages.contains(&id)))
        && filter.tag.as_ref().is_none_or(|tag| event.tags.contains(tag))
        && (filter.reasons.is_empty()
            || event.reason().is_some_and(|reason| filter.reasons.contains(&reason)))
        && filter.labels.iter().all(|(key, value)| event.labels.get(key) == Some(value))
}

impl Store for FakeStore {
    fn submit(&self, submission: Submission) -> Answer<'_, Receipt> {
        let receipt = self.state().submit(submission);
        self.1.send_replace(self.last_position());
        ready(receipt)
    }

    fn quarantine(&self, refused: Refused) -> Answer<'_, ()> {
        let mut state = self.state();
        if let Some(fault) = state.fail_quarantine {
            return ready(Err(fault.error()));
        }
        state.refused += 1;
        let id = state.refused;
        state.quarantine.push((id, refused));
        ready(Ok(()))
    }

    fn events(&self, query: EventQuery) -> Answer<'_, Page<Record>> {
        let mut rows: Vec<Record> =
            self.state().records.iter().filter(|record| passes(&query.filter, record)).cloned().collect();
        if query.order == Order::Newest {
            rows.reverse();
        }
        rows.retain(|record| match (query.beyond, query.order) {
            (None, _) => true,
            (Some(beyond), Order::Newest) => record.position < beyond,
            (Some(beyond), Order::Oldest) => record.position > beyond,
        });
        let more = rows.len() > query.limit;
        rows.truncate(query.limit);
        let next = rows.last().filter(|_| more).map(|record| record.position);
        ready(Ok(Page { rows, next }))
    }

    fn event(&self, id: EventId) -> Answer<'_, Option<Record>> {
        ready(Ok(self.state().records.iter().find(|record| record.id() == id).cloned()))
    }

    fn payload(&self, id: EventId) -> Answer<'_, Option<Payload>> {
        let state = self.state();
        let record = state.records.iter().find(|record| record.id() == id);
        let payload = record
            .and_then(|record| state.submissions.get(record.payload? as usize))
            .map(|submission| submission.payload.clone());
        ready(Ok(payload))
    }

    fn last_position(&self) -> u64 {
        self.state().records.len() as u64
    }

    fn message(&self, id: MessageId) -> Answer<'_, Option<MessageView>> {
        ready(Ok(self.state().message(id)))
    }

    fn messages_of(&self, ids: Vec<MessageId>) -> Answer<'_, Vec<MessageView>> {
        let state = self.state();
        ready(Ok(ids.into_iter().filter_map(|id| state.message(id)).collect()))
    }

    fn messages(&self, query: MessageQuery) -> Answer<'_, MessagePage> {
        let state = self.state();
        let as_of = query.as_of.unwrap_or(state.records.len() as u64);
        let mut ids: Vec<MessageId> = state.records.iter().rev().filter_map(Record::message_id).collect();
        let mut seen = std::collections::BTreeSet::new();
        ids.retain(|id| seen.insert(*id));
        let rows =
            ids.into_iter().filter_map(|id| state.message(id)).filter(|view| query.filter.matches(view));
        let from = query.beyond.unwrap_or(0);
        let mut rows: Vec<MessageView> = rows.skip(from as usize).collect();
        let next = (rows.len() > query.limit).then(|| from + query.limit as u64);
        rows.truncate(query.limit);
        ready(Ok(MessagePage { rows, next, as_of }))
    }

    fn messages_by_provider_id(&self, provider_id: String) -> Answer<'_, Vec<MessageView>> {
        let state = self.state();
        let mut ids: Vec<MessageId> = state
            .records
            .iter()
            .filter(|record| record.event.provider_message_id.as_ref() == Some(&provider_id))
            .filter_map(Record::message_id)
            .collect();
        ids.dedup();
        ready(Ok(ids.into_iter().filter_map(|id| state.message(id)).collect()))
    }

    fn recipient(&self, address: Address) -> Answer<'_, Option<RecipientView>> {
        ready(Ok(self.state().recipient(&address)))
    }

    fn recipients(&self, addresses: Vec<Address>) -> Answer<'_, Vec<Option<RecipientView>>> {
        let state = self.state();
        ready(Ok(addresses.iter().map(|address| state.recipient(address)).collect()))
    }

    fn list_recipients(&self, query: RecipientQuery) -> Answer<'_, RecipientPage> {
        let state = self.state();
        let mut addresses: Vec<_> =
            state.records.iter().filter_map(|record| record.event.recipient.clone()).collect();
        addresses.sort();
        addresses.dedup();
        let all = addresses.iter().filter_map(|address| state.recipient(address));
        let rows = all.filter(|view| query.matches(view)).take(query.limit).collect();
        ready(Ok(RecipientPage { rows, next: None }))
    }

    fn recipients_of_user(
        &self,
        user_id: String,
        _: Option<Address>,
        _: usize,
    ) -> Answer<'_, AddressPage<RecipientView>> {
        let state = self.state();
        let of_user = state.profiles.iter().filter(|(_, profile)| profile.user_id.as_ref() == Some(&user_id));
        let rows = of_user.filter_map(|(address, _)| state.recipient(address)).collect();
        ready(Ok(AddressPage { rows, next: None }))
    }

    fn put_profile(&self, address: Address, profile: Profile) -> Answer<'_, bool> {
        let before = self.state().profiles.insert(address, profile.clone());
        ready(Ok(before != Some(profile)))
    }

    fn name_users(&self, users: Vec<(Address, String)>) -> Answer<'_, u64> {
        let mut new = 0;
        for (address, user_id) in users {
            let mut state = self.state();
            let profile = state.profiles.entry(address).or_default();
            if profile.user_id.is_none() {
                profile.user_id = Some(user_id);
                new += 1;
            }
        }
        ready(Ok(new))
    }

    fn suppressions(&self, query: SuppressionQuery) -> Answer<'_, AddressPage<SuppressionView>> {
        let rows = ["a@x.example", "b@x.example", "c@x.example"].map(|address| SuppressionView {
            address: Address::parse(address).unwrap(),
            reason: SuppressionReason::Bounced,
            since: Timestamp::EPOCH,
            source: Some("one".to_owned()),
        });
        let is_after = |row: &SuppressionView| query.after.as_ref().is_none_or(|after| row.address > *after);
        let rows: Vec<_> = rows.into_iter().filter(|row| is_after(row) && query.matches(row)).collect();
        let next =
            rows.get(query.limit - 1).filter(|_| rows.len() > query.limit).map(|row| row.address.clone());
        ready(Ok(AddressPage { rows: rows.into_iter().take(query.limit).collect(), next }))
    }

    fn hourly(&self, since: Timestamp, _: Timestamp) -> Answer<'_, Vec<RollupRow>> {
        let row =
            RollupRow { start: since, of: "one".to_owned(), kind: Kind::Opened, machine: true, count: 7 };
        ready(Ok(vec![row]))
    }

    fn daily_by_tag(&self, _: Timestamp, _: Timestamp) -> Answer<'_, Vec<RollupRow>> {
        ready(Ok(Vec::new()))
    }

    fn daily_by_domain(&self, _: Timestamp, _: Timestamp) -> Answer<'_, Vec<RollupRow>> {
        ready(Ok(Vec::new()))
    }

    fn delivery_times(&self, _: Timestamp, _: Timestamp) -> Answer<'_, Vec<DeliveryTimes>> {
        ready(Ok(Vec::new()))
    }

    fn sources(&self) -> Answer<'_, Vec<SourceActivity>> {
        let state = self.state();
        let mut found: Vec<SourceActivity> = Vec::new();
        for record in &state.records {
            if found.iter().all(|activity| *activity.name != *record.source) {
                let events =
                    state.records.iter().filter(|other| other.source == record.source).count() as u64;
                found.push(SourceActivity {
                    name: record.source.to_string(),
                    provider: record.provider.to_string(),
                    events: vec![(record.event.kind, events)],
                    last_received_at: Some(record.received_at),
                });
            }
        }
        ready(Ok(found))
    }

    fn quarantined(&self, filter: QuarantineFilter) -> Answer<'_, Vec<QuarantineEntry>> {
        let state = self.state();
        let rows = state.quarantine.iter().rev().filter(|(id, refused)| {
            filter.before.is_none_or(|before| *id < before)
                && filter.source.as_ref().is_none_or(|source| **source == *refused.source.name)
                && filter.cause.as_ref().is_none_or(|cause| *cause == refused.cause)
        });
        ready(Ok(rows.take(filter.limit).filter_map(|(id, _)| state.entry(*id, false)).collect()))
    }

    fn quarantine_entry(&self, id: u64) -> Answer<'_, Option<QuarantineEntry>> {
        ready(Ok(self.state().entry(id, true)))
    }

    fn quarantine_counts(&self) -> Answer<'_, Vec<QuarantineCount>> {
        let count = |(_, refused): &(u64, Refused)| QuarantineCount {
            source: refused.source.name.to_string(),
            cause: refused.cause.clone(),
            count: 1,
            newest: refused.received_at,
        };
        ready(Ok(self.state().quarantine.iter().map(count).collect()))
    }

    fn quarantine_remove(&self, id: u64) -> Answer<'_, bool> {
        let mut state = self.state();
        let before = state.quarantine.len();
        state.quarantine.retain(|(number, _)| *number != id);
        ready(Ok(state.quarantine.len() < before))
    }

    fn check_writable(&self) -> Answer<'_, ()> {
        ready(self.state().fail_submit.map_or(Ok(()), |fault| Err(fault.error())))
    }

    fn stats(&self) -> Answer<'_, StoreStats> {
        let state = self.state();
        ready(Ok(StoreStats {
            last_position: state.records.len() as u64,
            queue_capacity: 8192,
            quarantined: state.quarantine.len() as u64,
            ..StoreStats::default()
        }))
    }

    fn add_token(&self, token: NewToken) -> Answer<'_, TokenView> {
        let mut state = self.state();
        let view = TokenView {
            id: state.tokens.len() as u64 + 1,
            name: token.name,
            scope: token.scope,
            created_at: token.created_at,
            hash: token.hash,
        };
        state.tokens.push(view.clone());
        ready(Ok(view))
    }

    fn tokens(&self) -> Answer<'_, Vec<TokenView>> {
        let mut state = self.state();
        state.token_reads += 1;
        ready(Ok(state.tokens.clone()))
    }

    fn remove_token(&self, id: u64) -> Answer<'_, bool> {
        let mut state = self.state();
        let before = state.tokens.len();
        state.tokens.retain(|token| token.id != id);
        ready(Ok(state.tokens.len() < before))
    }

    fn rebuild(&self, _: bool, _: Box<dyn Fn(u64, u64) + Send>) -> Answer<'_, RebuildReport> {
        ready(Ok(RebuildReport::default()))
    }

    fn retain(&self, _: Retention, _: Timestamp) -> Answer<'_, Dropped> {
        ready(Ok(Dropped::default()))
    }

    fn forget(&self, address: Address) -> Answer<'_, Forgotten> {
        let mut state = self.state();
        let before = state.records.len();
        state.records.retain(|record| record.event.recipient.as_ref() != Some(&address));
        let events = (before - state.records.len()) as u64;
        ready(Ok(Forgotten { events, purged: true, ..Forgotten::default() }))
    }

    fn follow(&self) -> tokio::sync::watch::Receiver<u64> {
        self.1.send_replace(self.last_position());
        self.1.subscribe()
    }

    fn register_destination(&self, _: String, _: Begin) -> Answer<'_, DestinationState> {
        ready(Err(StoreError::Stopped))
    }

    fn destinations(&self) -> Answer<'_, Vec<DestinationState>> {
        let paused_at = self.state().paused.then(Timestamp::now);
        let crm = DestinationState { name: "crm".to_owned(), paused_at, ..DestinationState::default() };
        ready(Ok(vec![crm]))
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn claim_destinations(&self, _: DestinationClaim) -> Answer<'_, Vec<String>> {
        ready(Err(StoreError::Stopped))
    }

    fn release_destinations(&self, _: String) -> Answer<'_, ()> {
        ready(Err(StoreError::Stopped))
    }

    fn save_progress(&self, _: Progress) -> Answer<'_, bool> {
        ready(Err(StoreError::Stopped))
    }

    fn control_destination(&self, _: String, control: DestinationControl, _: Timestamp) -> Answer<'_, bool> {
        self.state().paused = control == DestinationControl::Pause;
        ready(Ok(true))
    }

    fn failed_pushes(&self, query: FailedPushQuery) -> Answer<'_, Vec<FailedPush>> {
        let one = FailedPush {
            position: 1,
            attempts: 2,
            first_failed: Timestamp::EPOCH,
            last_try: None,
            status: Some(503),
            error: "it answered 503 Service Unavailable".to_owned(),
            fate: Fate::Ended { at: Timestamp::EPOCH, why: PushEnd::GaveUp },
        };
        ready(Ok(if query.beyond < 1 { vec![one] } else { Vec::new() }))
    }

    fn failed_push(&self, _: String, _: u64) -> Answer<'_, Option<FailedPush>> {
        ready(Ok(None))
    }

    fn push_again(&self, _: String, positions: Vec<u64>, _: Timestamp) -> Answer<'_, u64> {
        ready(Ok(positions.len() as u64))
    }

    fn consumers(&self) -> Answer<'_, Vec<ConsumerState>> {
        ready(Ok(self.state().consumers.values().cloned().collect()))
    }

    fn set_consumer(&self, consumer: ConsumerState) -> Answer<'_, ()> {
        self.state().consumers.insert(consumer.name.clone(), consumer);
        ready(Ok(()))
    }

    fn remove_consumer(&self, name: String) -> Answer<'_, bool> {
        ready(Ok(self.state().consumers.remove(&name).is_some()))
    }

    fn expect(&self, _: Vec<Expectation>, _: u64, _: Timestamp) -> Answer<'_, ()> {
        ready(Ok(()))
    }

    fn due(&self, _: Timestamp, _: usize) -> Answer<'_, Vec<Due>> {
        ready(Ok(Vec::new()))
    }

    fn overdue_to(&self, _: Vec<Address>) -> Answer<'_, Vec<Due>> {
        ready(Ok(Vec::new()))
    }

    fn settle(&self, _: Vec<Settled>) -> Answer<'_, ()> {
        ready(Ok(()))
    }

    fn watched(&self) -> Answer<'_, Watched> {
        ready(Ok(Watched::default()))
    }

    fn close(&self) -> Answer<'_, ()> {
        ready(Ok(()))
    }
}
