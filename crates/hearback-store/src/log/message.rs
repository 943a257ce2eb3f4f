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
use super::search::{self, Snapshot};
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

/// The events of one message, by position.
type Told = BTreeMap<u64, Record>;

impl Messages<'_> {
    /// The messages that have one of these ids.
    pub(super) fn of_ids(&self, ids: Vec<MessageId>) -> Result<Vec<MessageView>, StoreError> {
        let groups = self.join(self.gather(ids)?)?;
        Ok(groups.into_iter().filter_map(|group| MessageView::of(newest(group))).collect())
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
        let mut records = self.of_sends(&sends, EventFilter::default())?;
        records.retain(|record| record.event.provider_message_id.as_deref() == Some(provider_id));
        let ids: BTreeSet<MessageId> = records.iter().filter_map(Record::message_id).collect();
        let mut views = self.of_ids(ids.into_iter().collect())?;
        views.sort_by_key(|view| view.id);
        Ok(views)
    }

    /// Events of these sends that `filter` means, newest first.
    fn of_sends(&self, sends: &[MessageId], filter: EventFilter) -> Result<Vec<Record>, StoreError> {
        let keys = sends.iter().map(|id| Key::message(*id));
        let groups = vec![Group::filtered(keys, &self.shared.filters.read())];
        let snapshot = Snapshot::of(self.shared, groups, 0);
        let query = self.query(filter, MOST_RECORDS);
        Ok(search::page(self.session, &self.shared.sources(), &snapshot, &query)?.rows)
    }

    fn query(&self, filter: EventFilter, limit: usize) -> EventQuery {
        EventQuery { filter, order: Order::Newest, beyond: Some(self.as_of + 1), limit }
    }

    /// The events of these messages, and of every id that leads on from them.
    fn gather(&self, ids: Vec<MessageId>) -> Result<Vec<Told>, StoreError> {
        let (mut asked, mut records) = (BTreeSet::new(), Told::new());
        let mut pending = ids;
        for _ in 0..STEPS {
            pending.retain(|id| asked.insert(*id));
            pending.sort_unstable();
            pending.dedup();
            if pending.is_empty() {
                break;
            }
            let filter = EventFilter { messages: pending.clone(), ..EventFilter::default() };
            let found = self.of_sends(&pending, filter)?;
            pending.clear();
            pending.extend(found.iter().flat_map(|record| record.event.message_ids(&record.account)));
            records.extend(found.into_iter().map(|record| (record.position, record)));
        }
        Ok(connected(records))
    }

    /// Joins what no id joins. Groups that are neither told of nor registered without an id stay as they are.
    fn join(&self, groups: Vec<Told>) -> Result<Vec<Told>, StoreError> {
        let lonely: Vec<Lonely> = groups.iter().filter_map(Lonely::of).collect();
        let recipients = self.recipients_to_join(&lonely)?;
        if recipients.is_empty() {
            return Ok(groups);
        }
        let ids = lonely.iter().filter(|one| recipients.contains(&one.recipient)).map(|one| one.message.at);
        let (Some(first), Some(last)) = (ids.clone().min(), ids.max()) else { return Ok(groups) };
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
        let all = self.gather(ids.into_iter().collect())?;
        let mut merged = groups;
        for (told, registered) in pairs(&all) {
            merge(&mut merged, told, registered);
        }
        Ok(merged)
    }

    /// The recipients of which a message could be joined: one that waits for it is registered.
    fn recipients_to_join(&self, lonely: &[Lonely]) -> Result<BTreeSet<Address>, StoreError> {
        let (registered, told): (Vec<_>, Vec<_>) = lonely.iter().partition(|one| one.is_registered);
        let mut recipients: BTreeSet<Address> = registered.iter().map(|one| one.recipient.clone()).collect();
        let times = told.iter().map(|one| one.message.at);
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
struct Lonely {
    message: Unjoined,
    recipient: Address,
    is_registered: bool,
}

impl Lonely {
    fn of(group: &Told) -> Option<Self> {
        let is_registration = |record: &&Record| record.event.kind == Kind::Registered;
        let registrations = group.values().filter(is_registration).count();
        let is_registered = registrations == group.len();
        let has_provider_id = group.values().any(|record| record.event.provider_message_id.is_some());
        // What Hearback sends carries its id, and so does what comes back.
        let sent_here =
            |record: &Record| record.event.registration.as_ref().is_some_and(|one| one.attempt.is_some());
        // Of both sides, or registered with the provider's id: nothing is missing.
        if (registrations > 0 && !is_registered)
            || (is_registered && has_provider_id)
            || group.values().any(sent_here)
        {
            return None;
        }
        let first = group.values().min_by_key(|record| (record.occurred_at(), record.position))?;
        let mut labels: BTreeMap<String, String> =
            group.values().flat_map(|record| record.event.labels.clone()).collect();
        labels.remove(hearback_event::Label::MESSAGE_ID);
        let message = Unjoined {
            id: first.message_id()?,
            at: first.occurred_at(),
            channel: first.event.channel,
            account: first.account.to_string(),
            labels,
        };
        Some(Self { message, recipient: first.event.recipient.clone()?, is_registered })
    }
}

/// The pairs of groups that are one message.
fn pairs(groups: &[Told]) -> Vec<(&Told, &Told)> {
    let mut by_recipient: BTreeMap<Address, [Vec<(Unjoined, &Told)>; 2]> = BTreeMap::new();
    for group in groups {
        if let Some(lonely) = Lonely::of(group) {
            let [told, registered] = by_recipient.entry(lonely.recipient).or_default();
            let side = if lonely.is_registered { registered } else { told };
            side.push((lonely.message, group));
        }
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
fn merge(groups: &mut Vec<Told>, told: &Told, registered: &Told) {
    let is = |group: &Told, other: &Told| other.keys().any(|position| group.contains_key(position));
    let before = groups.len();
    groups.retain(|group| !is(group, told) && !is(group, registered));
    if groups.len() < before {
        groups.push(told.iter().chain(registered).map(|(at, record)| (*at, record.clone())).collect());
    }
}

/// Events that share an id, directly or over others, make one group.
fn connected(records: Told) -> Vec<Told> {
    let mut groups: Vec<(Vec<MessageId>, Told)> = Vec::new();
    let mut places: HashMap<MessageId, usize> = HashMap::new();
    for (position, record) in records {
        let ids: Vec<MessageId> = record.event.message_ids(&record.account).collect();
        let known: BTreeSet<usize> = ids.iter().filter_map(|id| places.get(id).copied()).collect();
        let place = known.first().copied().unwrap_or_else(|| {
            groups.push(Default::default());
            groups.len() - 1
        });
        for other in known.into_iter().skip(1) {
            let (ids, records) = groups.get_mut(other).map(std::mem::take).unwrap_or_default();
            places.extend(ids.iter().map(|id| (*id, place)));
            if let Some((all, group)) = groups.get_mut(place) {
                all.extend(ids);
                group.extend(records);
            }
        }
        places.extend(ids.iter().map(|id| (*id, place)));
        if let Some((all, group)) = groups.get_mut(place) {
            all.extend(ids);
            group.insert(position, record);
        }
    }
    groups.into_iter().map(|(_, group)| group).filter(|group| !group.is_empty()).collect()
}

/// The newest events of a message, as many as are shown, registrations first of all.
fn newest(group: Told) -> Vec<Record> {
    let superfluous = group.len().saturating_sub(MessageView::MOST_EVENTS);
    let mut records: Vec<Record> = group.into_values().collect();
    records.sort_by_key(|record| (record.event.kind == Kind::Registered, record.position));
    records.split_off(superfluous)
}
