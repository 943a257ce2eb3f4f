//! Following the log: what was, and then what comes, until nobody reads any more.

use std::collections::HashSet;
use std::time::Duration;

use hearback_event::Timestamp;
use serde_json::Value;

use super::events::{PAGE, Pairs, page, print_json};
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::output;
use crate::show::{self, Looks};

/// How long a server may wait for the next event, in seconds.
const WAIT_SECONDS: u64 = 25;
/// Pause between two looks at a database file, and before asking a server again that was not there.
const PAUSE: Duration = Duration::from_millis(500);
/// So often a server that is not there is asked again: for five minutes.
const PATIENCE: u32 = 600;

/// Somebody who reads the log as it grows.
pub(super) struct Follower<'a> {
    client: &'a Client,
    filter: Pairs,
    /// How people are to see it; JSON where there are none.
    looks: Option<Looks>,
    /// Events that were shown before following began.
    shown: HashSet<String>,
}

impl<'a> Follower<'a> {
    pub(super) fn new(client: &'a Client, filter: Pairs, looks: Option<Looks>) -> Self {
        Self { client, filter, looks, shown: HashSet::new() }
    }

    /// Follows from the newest `before` events on, or from the first that passes the filter.
    pub(super) async fn run(mut self, before: Option<usize>) -> Result<Exit, CliError> {
        let mut after = None;
        if let Some(before) = before {
            // The end is marked before the newest are read, so that nothing falls between; what is in both is shown once.
            let end = self.next(Some("end"), false).await?;
            let newest = page(self.client, &self.filter, "newest", before.clamp(1, PAGE), None).await?;
            let newest: Vec<&Value> = show::list(&newest, "/data").iter().rev().collect();
            self.shown.extend(newest.iter().map(|event| show::text(event, "/id")));
            let others = show::list(&end, "/data").iter().filter(|event| !self.is_shown(event));
            if !newest.into_iter().chain(others).all(|event| self.show(event)) {
                return Ok(Exit::Ok);
            }
            after = cursor(&end);
        }
        let mut failures = 0;
        loop {
            match self.next(after.as_deref(), self.client.can_wait()).await {
                Ok(page) => {
                    failures = 0;
                    let rows = show::list(&page, "/data");
                    if !rows.iter().filter(|event| !self.is_shown(event)).all(|event| self.show(event)) {
                        return Ok(Exit::Ok);
                    }
                    after = cursor(&page).or(after);
                    if rows.is_empty() && !self.client.can_wait() {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                Err(error) if error.exit() == Exit::Failed && failures < PATIENCE => {
                    if failures == 0 {
                        output::note(format_args!("{error}; trying again"));
                    }
                    failures += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn next(&self, after: Option<&str>, wait: bool) -> Result<Value, CliError> {
        let mut query = self.filter.clone();
        query.extend([("order", "oldest".to_owned()), ("limit", PAGE.to_string())]);
        query.extend(after.map(|after| ("after", after.to_owned())));
        if wait {
            query.push(("wait", WAIT_SECONDS.to_string()));
        }
        self.client.list(&["v1", "events"], &query).await
    }

    fn is_shown(&self, event: &Value) -> bool {
        self.shown.contains(&show::text(event, "/id"))
    }

    /// Prints an event. Whether anybody reads it.
    fn show(&self, event: &Value) -> bool {
        match self.looks {
            Some(looks) => output::line_is_read(show::event_line(event, looks, Timestamp::now())),
            None => print_json(event),
        }
    }
}

fn cursor(page: &Value) -> Option<String> {
    page.get("next_cursor").and_then(Value::as_str).map(ToOwned::to_owned)
}
