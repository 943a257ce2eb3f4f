//! The last days of the history as they were lived through: what was overdue, what raised an alert, and who looked at it.

use std::sync::Arc;

use hearback_alert::{Alerter, Rule};
use hearback_event::{AlertState, Timestamp};
use hearback_store::{AlertChange, AlertQuery, Store, StoreError};
use hearback_watchdog::Watchdog;

use super::{Teller, Told};

/// How far time goes on from one look to the next, in seconds.
const LOOK_EVERY: i64 = 900;
/// Alerts that people have looked at, at most.
const LOOKED_AT: usize = 200;
/// Who works there.
const PEOPLE: [&str; 2] = ["nora", "sam"];
/// What is newer nobody has looked at yet, in seconds.
const UNSEEN: i64 = 6 * 3600;

/// The watchdog and the rules of the house, over a log.
pub(crate) struct Nights {
    store: Arc<dyn Store>,
    watchdog: Watchdog,
    alerter: Alerter,
}

impl Nights {
    /// Over a log, with these rules.
    pub(crate) fn new(store: Arc<dyn Store>, rules: Arc<[Rule]>) -> Self {
        Self {
            watchdog: Watchdog::new(Arc::clone(&store)),
            alerter: Alerter::new(Arc::clone(&store), rules),
            store,
        }
    }

    /// Tells what happened from `since` to `now`, and looks at it every quarter of an hour. What was before raises nothing.
    pub(crate) async fn watch(
        &mut self,
        teller: &Teller<'_>,
        told: &[Told],
        since: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.expect(since).await?;
        self.alert(since).await?;
        let mut rest = told;
        let mut at = since;
        while at < now {
            at = at.plus_seconds(LOOK_EVERY).min(now);
            let (some, later) = rest.split_at(rest.partition_point(|one| one.happening.occurred_at <= at));
            rest = later;
            teller.register(some).await?;
            teller.tell(some).await?;
            self.expect(at).await?;
            self.alert(at).await?;
        }
        self.people(now).await
    }

    async fn expect(&mut self, at: Timestamp) -> Result<(), StoreError> {
        while self.watchdog.step(at).await?.more {}
        Ok(())
    }

    async fn alert(&mut self, at: Timestamp) -> Result<(), StoreError> {
        while self.alerter.step(at).await?.more {}
        Ok(())
    }

    /// Of what is open for some hours, people have seen the most, and ended some.
    async fn people(&self, now: Timestamp) -> Result<(), StoreError> {
        let query = AlertQuery { states: vec![AlertState::Open], limit: LOOKED_AT, ..AlertQuery::default() };
        let open = self.store.alerts(query).await?;
        for (number, item) in open.iter().filter(|item| now.seconds_since(item.last_at) > UNSEEN).enumerate()
        {
            let by = |n: usize| PEOPLE[n % PEOPLE.len()].to_owned();
            let told = item.told.last().map_or(item.last_at, |(at, _)| *at);
            let seen = told.plus_seconds(600 + 420 * (number % 7) as i64);
            // Whatever sums up many is looked at, and stays until it is over.
            if number % 4 < 3 || item.sums_up {
                self.store.change_alert(item.id, AlertChange::Acknowledge, by(number), seen).await?;
            }
            if number % 4 != 1 && !item.sums_up {
                let over = seen.plus_seconds(1500 + 900 * (number % 5) as i64);
                self.store.change_alert(item.id, AlertChange::Resolve, by(number / 2), over).await?;
            }
        }
        Ok(())
    }
}
