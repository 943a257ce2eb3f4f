//! Looks at sources and rates now and then, and tells what is wrong with them: once, and once more when it is well again.
//!
//! Nothing is kept beside the log: whether something was told already stands there, because a notice is an event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hearback_event::{Channel, DedupKey, Event, Kind, Origin, Record, Timestamp};
use hearback_store::{
    EventFilter, EventQuery, Order, Payload, QuarantineFilter, Receipt, RollupRow, SourceRef, Store,
    StoreError, Submission,
};
use tokio::sync::watch;

use crate::notice::words;
use crate::rate::{Counts, Rate, RateLimits, by_name};
use crate::silence;

/// How often is looked.
const EVERY: Duration = Duration::from_mins(1);
/// Rates change slowly, and reading them takes longer.
const RATES_EVERY: i64 = 300;
/// Over so many hours are rates of sources.
const RATE_HOURS: i64 = 24;
/// So many notices are read to know what was told already.
const TOLD: usize = 1000;
/// The account and provider of what is said of no source.
const HEARBACK: &str = "hearback";

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Whether silent sources are told.
    pub silence: bool,
    /// A source refuses when it refused so many requests ...
    pub refused: u32,
    /// ... within this time, and took none since the first of them.
    pub refused_within: Duration,
    /// Rates of bounces and complaints.
    pub rates: RateLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            silence: true,
            refused: 10,
            refused_within: Duration::from_mins(10),
            rates: RateLimits::default(),
        }
    }
}

/// Looks at the sources and rates of one log. Several processes may each do so: what one has told is known by its key.
pub struct Lookout {
    store: Arc<dyn Store>,
    /// The configured ones: what is not received any more cannot be silent.
    sources: Vec<SourceRef>,
    limits: Limits,
    rates_at: Option<Timestamp>,
}

impl Lookout {
    /// Over a log and the configured sources.
    pub const fn new(store: Arc<dyn Store>, sources: Vec<SourceRef>, limits: Limits) -> Self {
        Self { store, sources, limits, rates_at: None }
    }

    /// Looks until `closed` becomes true.
    pub async fn run(mut self, mut closed: watch::Receiver<bool>) {
        loop {
            match self.step(Timestamp::now()).await {
                Ok(_) => {}
                Err(StoreError::Stopped) => return,
                Err(error) => tracing::warn!(%error, "sources and rates cannot be looked at now"),
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = closed.wait_for(|closed| *closed) => return,
            }
        }
    }

    /// Looks once. How many notices are new.
    ///
    /// # Errors
    ///
    /// Where the store cannot answer or write.
    pub async fn step(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        let mut told = 0;
        let before = self.told(&[Kind::SourceSilent, Kind::SourceRefusing, Kind::SourceRecovered]).await?;
        for source in &self.sources {
            let newest = before.iter().find(|record| record.source == source.name);
            if let Some(notice) = self.look_at(source, newest, now).await? {
                told += usize::from(self.tell(notice).await?);
            }
        }
        if self.rates_at.is_none_or(|at| now < at || now.seconds_since(at) >= RATES_EVERY) {
            told += self.look_at_rates(now).await?;
            self.rates_at = Some(now);
        }
        Ok(told)
    }

    /// Notices of these kinds, the newest first.
    async fn told(&self, kinds: &[Kind]) -> Result<Vec<Record>, StoreError> {
        let filter = EventFilter { kinds: kinds.to_vec(), ..EventFilter::default() };
        let query = EventQuery { filter, limit: TOLD, ..EventQuery::default() };
        Ok(self.store.events(query).await?.rows)
    }

    async fn tell(&self, notice: Submission) -> Result<bool, StoreError> {
        Ok(matches!(self.store.submit(notice).await?, Receipt::Stored { new: 1.., .. }))
    }

    /// The newest event that a source told.
    async fn newest(&self, source: &SourceRef, kinds: &[Kind]) -> Result<Option<Record>, StoreError> {
        Ok(self.of_source(source, kinds, 1).await?.pop())
    }

    async fn of_source(
        &self,
        source: &SourceRef,
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let filter = EventFilter {
            kinds: kinds.to_vec(),
            source: Some(source.name.to_string()),
            ..EventFilter::default()
        };
        Ok(self.store.events(EventQuery { filter, limit, ..EventQuery::default() }).await?.rows)
    }

    async fn look_at(
        &self,
        source: &SourceRef,
        told: Option<&Record>,
        now: Timestamp,
    ) -> Result<Option<Submission>, StoreError> {
        let last = self.newest(source, Kind::TOLD_BY_PROVIDERS).await?;
        if let Some(told) = told.filter(|told| told.event.kind != Kind::SourceRecovered) {
            // An event of before may still come late; one that was received since is a sign of life.
            let Some(last) = last.filter(|last| last.position > told.position) else { return Ok(None) };
            let lasted = last.received_at.as_nanos().saturating_sub(told.received_at.as_nanos()).max(0);
            let text = format!("it tells events again, {} after that was told", words(lasted));
            let key = told.id().to_string();
            return Ok(Some(of_source(source, Kind::SourceRecovered, key.as_bytes(), text, now)));
        }
        let refused = self.refused_in_a_row(source, last.as_ref(), now).await?;
        if let Some((count, first)) = refused {
            let minutes = self.limits.refused_within.as_secs() / 60;
            let text =
                format!("{count} requests refused in {minutes} min and none taken: was the key changed?");
            return Ok(Some(of_source(source, Kind::SourceRefusing, &first.to_be_bytes(), text, now)));
        }
        if !self.limits.silence {
            return Ok(None);
        }
        let Some(text) = self.silent(source, last.as_ref(), now).await? else { return Ok(None) };
        let since = last.map_or(0, |last| last.position);
        Ok(Some(of_source(source, Kind::SourceSilent, &since.to_be_bytes(), text, now)))
    }

    /// How many requests were refused since anything was taken, and the number of the first of them; none where these are few.
    async fn refused_in_a_row(
        &self,
        source: &SourceRef,
        last: Option<&Record>,
        now: Timestamp,
    ) -> Result<Option<(usize, u64)>, StoreError> {
        let since = now.plus_seconds(-(self.limits.refused_within.as_secs() as i64));
        let since = last.map_or(since, |last| last.received_at.max(since));
        let source = Some(source.name.to_string());
        let filter = QuarantineFilter { source, cause: None, before: None, limit: TOLD };
        let mut refused = self.store.quarantined(filter).await?;
        refused.retain(|entry| entry.received_at > since && entry.received_at <= now);
        let first = refused.iter().map(|entry| entry.id).min();
        let is_streak = self.limits.refused > 0 && refused.len() >= self.limits.refused as usize;
        Ok(first.filter(|_| is_streak).map(|first| (refused.len(), first)))
    }

    /// In words, why something should have come.
    async fn silent(
        &self,
        source: &SourceRef,
        last: Option<&Record>,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        if let Some(count) = self.registered_in_vain(source, last, now).await? {
            return Ok(Some(format!("{count} messages were registered and it told nothing of any")));
        }
        let Some(last) = last else { return Ok(None) };
        let Some((from, until)) = silence::silent_hours(last.received_at, now) else { return Ok(None) };
        let mut counts = Vec::new();
        for weeks in 1..=silence::WEEKS {
            let (from, until) = (silence::weeks_before(from, weeks), silence::weeks_before(until, weeks));
            let rows = self.store.hourly(from, until).await?;
            let told = |row: &&RollupRow| {
                *row.of == *source.name
                    && Kind::TOLD_BY_PROVIDERS.contains(&row.kind)
                    && (from..until).contains(&row.start)
            };
            let count: u64 = rows.iter().filter(told).map(|row| row.count).sum();
            if count == 0 && !self.was_there_before(source, from).await? {
                break;
            }
            counts.push(count);
        }
        if !silence::is_missed(&counts) {
            return Ok(None);
        }
        let lasts = words(now.as_nanos().saturating_sub(last.received_at.as_nanos()));
        let usual = counts.iter().sum::<u64>() / counts.len() as u64;
        Ok(Some(format!(
            "no event for {lasts}; in the same hours of the weeks before there were {usual} on average"
        )))
    }

    /// Whether the source told anything before a moment.
    async fn was_there_before(&self, source: &SourceRef, at: Timestamp) -> Result<bool, StoreError> {
        let filter = EventFilter {
            kinds: Kind::TOLD_BY_PROVIDERS.to_vec(),
            source: Some(source.name.to_string()),
            until: Some(at),
            ..EventFilter::default()
        };
        let query = EventQuery { filter, order: Order::Oldest, limit: 1, ..EventQuery::default() };
        Ok(!self.store.events(query).await?.rows.is_empty())
    }

    /// How many messages were registered, and long enough ago, since the source told anything; none where these are few.
    async fn registered_in_vain(
        &self,
        source: &SourceRef,
        last: Option<&Record>,
        now: Timestamp,
    ) -> Result<Option<usize>, StoreError> {
        let registered = self.of_source(source, &[Kind::Registered], TOLD).await?;
        let (from, until) =
            (now.plus_seconds(-silence::REGISTERED_WITHIN), now.plus_seconds(-silence::PATIENCE));
        let count = registered
            .iter()
            .filter(|record| last.is_none_or(|last| record.position > last.position))
            .filter(|record| (from..=until).contains(&record.occurred_at().max(record.received_at)))
            .count();
        Ok((count >= silence::REGISTERED_MIN).then_some(count))
    }

    async fn look_at_rates(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        let end = now.plus_seconds(3600);
        let day = now.plus_seconds(-RATE_HOURS * 3600);
        let midnight = Timestamp::from_seconds((now.day() - 1) * 86_400).unwrap_or(day);
        let of_sources = self.store.hourly(day, end).await?;
        let of_tags = self.store.daily_by_tag(midnight, end).await?;
        let of_domains = self.store.daily_by_domain(midnight, end).await?;
        let mut told_before = BTreeMap::new();
        for record in self.told(&[Kind::RateExceeded, Kind::RateRecovered]).await? {
            let label = |name: &str| record.event.labels.get(name).cloned().unwrap_or_default();
            told_before.entry((label("rate"), label("rate_of"))).or_insert(record);
        }
        let mut told = 0;
        for (what, rows, within) in [
            ("source", &of_sources, "in 24 h"),
            ("tag", &of_tags, "since yesterday"),
            ("domain", &of_domains, "since yesterday"),
        ] {
            for (name, counts) in by_name(rows) {
                // All that is not counted apart.
                if name.is_empty() || name == HEARBACK || name == "(others)" {
                    continue;
                }
                told +=
                    self.look_at_rate(&format!("{what} {name}"), &counts, within, &told_before, now).await?;
            }
        }
        Ok(told)
    }

    async fn look_at_rate(
        &self,
        of: &str,
        counts: &Counts,
        within: &str,
        told_before: &BTreeMap<(String, String), Record>,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut told = 0;
        for rate in Rate::of(counts, &self.limits.rates) {
            let before = told_before.get(&(rate.word.to_owned(), of.to_owned()));
            let stands = before.filter(|record| record.event.kind == Kind::RateExceeded);
            let (kind, key) = match stands {
                None if rate.is_exceeded() => (Kind::RateExceeded, now.hour().to_string()),
                Some(record) if rate.is_well() => (Kind::RateRecovered, record.id().to_string()),
                _ => continue,
            };
            let name: Arc<str> = HEARBACK.into();
            let source = SourceRef { name: Arc::clone(&name), provider: Arc::clone(&name), account: name };
            let key = format!("{} {of} {key}", rate.word);
            let mut notice = of_source(&source, kind, key.as_bytes(), rate.words(within), now);
            for event in &mut notice.events {
                event.labels.insert("rate".to_owned(), rate.word.to_owned());
                event.labels.insert("rate_of".to_owned(), of.to_owned());
            }
            told += usize::from(self.tell(notice).await?);
        }
        Ok(told)
    }
}

fn of_source(source: &SourceRef, kind: Kind, key: &[u8], text: String, now: Timestamp) -> Submission {
    let dedup = DedupKey::of(&[HEARBACK.as_bytes(), kind.name().as_bytes(), source.name.as_bytes(), key]);
    let event = Event {
        occurred_at: Some(now),
        notice: Some(text),
        ..Event::new(kind, kind.name(), Channel::Other, dedup)
    };
    Submission {
        source: source.clone(),
        origin: Origin::Hearback,
        received_at: now,
        verified: true,
        events: vec![event],
        payload: Payload::default(),
        replay_token: None,
        digest: DedupKey::of(&[]),
        known_messages_only: false,
    }
}
