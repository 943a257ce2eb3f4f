//! SendGrid's batches, as the simulator makes them.

use hearback_event::Timestamp;
use hearback_providers::{Happening, Simulator, Tamper};

use super::population::{BATCH, Series, happening};
use crate::wire;

/// The batch of that number.
pub(super) fn request(simulator: &dyn Simulator, batch: u64) -> Box<[u8]> {
    let serials = batch * BATCH..(batch + 1) * BATCH;
    let happenings: Vec<Happening> = serials.map(|serial| happening(Series::SendGrid, serial)).collect();
    let url = "http://hooks.example.com/webhooks/sendgrid";
    let request = simulator.request(&happenings, url, Timestamp::now(), Tamper::None);
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    wire::post(&request.path_and_query, &headers, &request.body)
}
