//! Messages: made of their events when they are asked for, so that they can never contradict them.
//!
//! Events make one message when they share an id, directly or over others ([`Event::message_ids`](hearback_event::Event::message_ids)).
//! What a provider tells of without such an id, and what is registered without one, is joined by labels, recipient and time
//! ([`hearback_event::join`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hearback_event::{Address, Kind, LABELS_WITHIN, MessageId, Record, Timestamp, Unjoined, join};

use super::Shared;
use super::groups::Group;
use super::posting::Key;
use super::search;
use super::snapshot::Snapshot;
use crate::session::Session;
use crate::{EventFilter, EventQuery, MessageView, Order, StoreError};

/// How often new ids lead to further events. Two steps are what registrations, echoes and provider's ids make.
const STEPS: usize = 6;
/// More events of the messages asked for are not looked at.
const MOST_RECORDS: usize = 20_000;
/// Where recipients have more events around the time, nothing is joined by time.
const MOST_NEARBY: usize = 5000;

/// Asks for messages, as the log stood with `as_of` as its last position.
pub(super) struct Messages<'a> {
    pub(super) shared: &'a Shared,
    pub(super) session: &'a dyn Session,
    pub(super) as_of: u64,
}

/// The events of one message.
#[derive(Clone, Default)]
struct Gathered {
    /// Every id that one of them has.
    ids: Vec<MessageId>,
    /// By position.
    events: BTreeMap<u64, Record>,
}

impl Gathered {
    fn take(&mut self, other: Self) {
        self.ids.extend(other.ids);
        self.events.extend(other.events);
    }
}

impl Messages<'_> {
    /// The messages that have one of these ids.
    pub(super) fn of_ids(&self, ids: Vec<MessageId>) -> Result<Vec<MessageView>, StoreError> {
        self.of_events(ids, Vec::new())
    }

    /// As [`Messages::of_ids`], where some of their events were read already.
    pub(super) fn of_events(
        &self,
        ids: Vec<MessageId>,
        at_hand: Vec<Record>,
    ) -> Result<Vec<MessageView>, StoreError> {
        let groups = self.join(self.gather(ids, at_hand)?)?;
        let view = |group: Gathered| MessageView::with_ids(group.ids, newest(group.events));
        Ok(groups.into_iter().filter_map(view).collect())
    }

    /// The message of an id.
    pub(super) fn one(&self, id: MessageId) -> Result<Option<MessageView>, StoreError> {
        Ok(self.of_ids(vec![id])?.into_iter().find(|view| view.ids.contains(&id)))
    }

    /// The messages of which a provider tells under its id, in any account.
    pub(super) fn of_provider_id(&self, provider_id: &str) -> Result<Vec<MessageView>, StoreError> {
        let accounts: BTreeSet<_> =
            self.shared.sources().iter().map(|source| source.account.clone()).collect();
        let sends: Vec<_> =
            accounts.iter().map(|account| MessageId::new(account, provider_id, None)).collect();
        let mut is_named = |record: &Record| record.event.provider_message_id.as_deref() == Some(provider_id);
        let records = self.of_sends(&sends, Vec::new(), &mut is_named)?;
        let ids: BTreeSet<MessageId> = records.iter().filter_map(Record::message_id).collect();
        let mut views = self.of_ids(ids.into_iter().collect())?;
        views.sort_by_key(|view| view.id);
        Ok(views)
    }

    /// Those events of these sends that are meant, newest first. Some of them may be at hand.
    fn of_sends(
        &self,
        sends: &[MessageId],
        at_hand: Vec<Record>,
        means: &mut dyn FnMut(&Record) -> bool,
    ) -> Result<Vec<Record>, StoreError> {
        let keys = sends.iter().map(|id| Key::message(*id));
        let groups = vec![Group::filtered(keys, &self.shared.filters.read())];
        let snapshot = Snapshot::of(self.shared, groups, 0);
        let query = self.query(EventFilter::default(), MOST_RECORDS);
        let at_hand = at_hand.into_iter().map(|record| (record.position, record)).collect();
        Ok(search::page_where(self.session, &self.shared.sources(), &snapshot, &query, at_hand, means)?.rows)
    }

    fn query(&self, filter: EventFilter, limit: usize) -> EventQuery {
        EventQuery { filter, order: Order::Newest, beyond: Some(self.as_of + 1), limit }
    }

    /// The events of these messages, and of every id that leads on from them.
    fn gather(&self, ids: Vec<MessageId>, mut at_hand: Vec<Record>) -> Result<Vec<Gathered>, StoreError> {
        let (mut asked, mut records) = (BTreeSet::new(), BTreeMap::new());
        // By position. To work them out takes nearly as long as to read the event: it is done once.
        let mut ids_of: HashMap<u64, Vec<MessageId>> = HashMap::new();
        let mut pending = ids;
        for _ in 0..STEPS {
            pending.retain(|id| asked.insert(*id));
            pending.sort_unstable();
            pending.dedup();
            if pending.is_empty() {
                break;
            }
            let mut is_of_them = |record: &Record| {
                let ids: Vec<MessageId> = record.event.message_ids(&record.account).collect();
                let is = ids.iter().any(|id| pending.binary_search(id).is_ok());
                if is {
                    ids_of.insert(record.position, ids);
                }
                is
            };
            let found = self.of_sends(&pending, std::mem::take(&mut at_hand), &mut is_of_them)?;
            pending.clear();
            pending.extend(found.iter().filter_map(|record| ids_of.get(&record.position)).flatten());
            records.extend(found.into_iter().map(|record| (record.position, record)));
        }
        Ok(connected(records, ids_of))
    }

    /// Joins what no id joins. Groups that are neither told of nor registered without an id stay as they are.
    fn join(&self, groups: Vec<Gathered>) -> Result<Vec<Gathered>, StoreError> {
        let lonely: Vec<Lonely<'_>> = groups.iter().filter_map(Lonely::of).collect();
        let recipients = self.recipients_to_join(&lonely)?;
        if recipients.is_empty() {
            return Ok(groups);
        }
        let times = lonely.iter().filter(|one| recipients.contains(one.recipient)).map(Lonely::at);
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { return Ok(groups) };
        // Others could be nearer to it, and yet others to those.
        let around = (first.plus_seconds(-3 * LABELS_WITHIN), last.plus_seconds(3 * LABELS_WITHIN));
        let Some(nearby) = self.to_recipients(&recipients, Vec::new(), around, MOST_NEARBY)? else {
            tracing::debug!("too many events around a message to join it by time");
            return Ok(groups);
        };
        // Before anything is told of them, there is nothing to join.
        if !nearby.iter().any(|record| Kind::TOLD_BY_PROVIDERS.contains(&record.event.kind)) {
            return Ok(groups);
        }
        let ids: BTreeSet<MessageId> = nearby.iter().filter_map(Record::message_id).collect();
        let all = self.gather(ids.into_iter().collect(), Vec::new())?;
        let mut merged = groups;
        for (told, registered) in pairs(&all) {
            merge(&mut merged, told, registered);
        }
        Ok(merged)
    }

    /// The recipients of which a message could be joined: one that waits for it is registered.
    fn recipients_to_join(&self, lonely: &[Lonely<'_>]) -> Result<BTreeSet<Address>, StoreError> {
        let (registered, told): (Vec<_>, Vec<_>) = lonely.iter().partition(|one| one.is_registered);
        let mut recipients: BTreeSet<Address> = registered.iter().map(|one| one.recipient.clone()).collect();
        let times = told.iter().map(|one| one.at());
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { return Ok(recipients) };
        let around = (first.plus_seconds(-LABELS_WITHIN), last.plus_seconds(LABELS_WITHIN + 1));
        let to = told.iter().map(|one| one.recipient.clone()).collect();
        let found = self.to_recipients(&to, vec![Kind::Registered], around, MOST_NEARBY)?.unwrap_or_default();
        recipients.extend(found.into_iter().filter_map(|record| record.event.recipient));
        Ok(recipients)
    }

    /// Events to any of these recipients within a time, `None` where they are too many.
    fn to_recipients(
        &self,
        recipients: &BTreeSet<Address>,
        kinds: Vec<Kind>,
        (since, until): (Timestamp, Timestamp),
        most: usize,
    ) -> Result<Option<Vec<Record>>, StoreError> {
        let filter = EventFilter {
            recipients: recipients.iter().cloned().collect(),
            kinds,
            since: Some(since),
            until: Some(until),
            ..EventFilter::default()
        };
        let page = search::find(self.shared, self.session, &self.query(filter, most))?;
        let is_to = |record: &Record| {
            record.event.recipient.as_ref().is_some_and(|address| recipients.contains(address))
        };
        Ok(page.next.is_none().then(|| page.rows.into_iter().filter(is_to).collect()))
    }
}

/// A message that no id joins to another.
struct Lonely<'a> {
    group: &'a Gathered,
    first: &'a Record,
    recipient: &'a Address,
    is_registered: bool,
}

impl<'a> Lonely<'a> {
    fn of(group: &'a Gathered) -> Option<Self> {
        let events = || group.events.values();
        let is_registration = |record: &&Record| record.event.kind == Kind::Registered;
        let registrations = events().filter(is_registration).count();
        let is_registered = registrations == group.events.len();
        let has_provider_id = events().any(|record| record.event.provider_message_id.is_some());
        // What Hearback sends carries its id, and so does what comes back.
        let sent_here =
            |record: &Record| record.event.registration.as_ref().is_some_and(|one| one.attempt.is_some());
        // Of both sides, or registered with the provider's id: nothing is missing.
        if (registrations > 0 && !is_registered)
            || (is_registered && has_provider_id)
            || events().any(sent_here)
        {
            return None;
        }
        let first = events().min_by_key(|record| (record.occurred_at(), record.position))?;
        Some(Self { group, first, recipient: first.event.recipient.as_ref()?, is_registered })
    }

    fn at(&self) -> Timestamp {
        self.first.occurred_at()
    }

    fn unjoined(&self) -> Option<Unjoined> {
        let events = self.group.events.values();
        let mut labels: BTreeMap<String, String> =
            events.flat_map(|record| record.event.labels.clone()).collect();
        labels.remove(hearback_event::Label::MESSAGE_ID);
        Some(Unjoined {
            id: self.first.message_id()?,
            at: self.at(),
            channel: self.first.event.channel,
            account: self.first.account.to_string(),
            labels,
        })
    }
}

/// The pairs of groups that are one message.
fn pairs(groups: &[Gathered]) -> Vec<(&Gathered, &Gathered)> {
    let mut by_recipient: BTreeMap<&Address, [Vec<(Unjoined, &Gathered)>; 2]> = BTreeMap::new();
    for lonely in groups.iter().filter_map(Lonely::of) {
        let Some(message) = lonely.unjoined() else { continue };
        let [told, registered] = by_recipient.entry(lonely.recipient).or_default();
        let side = if lonely.is_registered { registered } else { told };
        side.push((message, lonely.group));
    }
    let mut pairs = Vec::new();
    for [told, registered] in by_recipient.into_values() {
        let side = |list: &[(Unjoined, _)]| list.iter().map(|(one, _)| one.clone()).collect::<Vec<_>>();
        for (a, b) in join(&side(&told), &side(&registered)) {
            if let (Some((_, told)), Some((_, registered))) = (told.get(a), registered.get(b)) {
                pairs.push((*told, *registered));
            }
        }
    }
    pairs
}

/// Makes one of a told and a registered message, where either is among the groups.
fn merge(groups: &mut Vec<Gathered>, told: &Gathered, registered: &Gathered) {
    let is = |group: &Gathered, other: &Gathered| {
        other.events.keys().any(|position| group.events.contains_key(position))
    };
    let before = groups.len();
    groups.retain(|group| !is(group, told) && !is(group, registered));
    if groups.len() < before {
        let mut one = told.clone();
        one.take(registered.clone());
        groups.push(one);
    }
}

/// Events that share an id, directly or over others, make one group.
fn connected(records: BTreeMap<u64, Record>, mut ids_of: HashMap<u64, Vec<MessageId>>) -> Vec<Gathered> {
    let mut groups: Vec<Gathered> = Vec::new();
    let mut places: HashMap<MessageId, usize> = HashMap::new();
    for (position, record) in records {
        let ids = ids_of.remove(&position).unwrap_or_default();
        let known: BTreeSet<usize> = ids.iter().filter_map(|id| places.get(id).copied()).collect();
        let place = known.first().copied().unwrap_or_else(|| {
            groups.push(Gathered::default());
            groups.len() - 1
        });
        for other in known.into_iter().skip(1) {
            let other = groups.get_mut(other).map(std::mem::take).unwrap_or_default();
            places.extend(other.ids.iter().map(|id| (*id, place)));
            if let Some(group) = groups.get_mut(place) {
                group.take(other);
            }
        }
        places.extend(ids.iter().map(|id| (*id, place)));
        if let Some(group) = groups.get_mut(place) {
            group.ids.extend(ids);
            group.events.insert(position, record);
        }
    }
    groups.retain(|group| !group.events.is_empty());
    groups
}

/// The newest events of a message, as many as are shown, registrations first of all.
fn newest(events: BTreeMap<u64, Record>) -> Vec<Record> {
    let superfluous = events.len().saturating_sub(MessageView::MOST_EVENTS);
    let mut records: Vec<Record> = events.into_values().collect();
    records.sort_by_key(|record| (record.event.kind == Kind::Registered, record.position));
    records.split_off(superfluous)
}
