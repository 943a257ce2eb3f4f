//! Links into the interface, for people who read of an event elsewhere.

use hearback_event::{Label, Record};
use reqwest::Url;

/// Where the interface is, if it is known under which address people reach it.
#[derive(Clone, Debug, Default)]
pub struct Pages(Option<Url>);

/// Labels that name Hearback's own things.
const OWN: &[&str] = &[Label::MESSAGE_ID, Label::ALERT];

impl Pages {
    /// At this address; none where nobody could open a link.
    pub fn at(base: Option<&str>) -> Self {
        Self(base.and_then(|base| base.parse::<Url>().ok()).filter(|base| !base.cannot_be_a_base()))
    }

    /// What can be opened about an event: a word and the address.
    pub(crate) fn links(&self, record: &Record) -> Vec<(&'static str, String)> {
        let Some(base) = &self.0 else { return Vec::new() };
        let page = |path: &[&str]| {
            let mut url = base.clone();
            // It can be a base.
            url.path_segments_mut().ok()?.pop_if_empty().extend(path);
            Some(url.to_string())
        };
        let event = &record.event;
        let mut links = Vec::new();
        if let Some(alert) = &event.alert {
            links.extend(page(&["alerts", &alert.id.to_string()]).map(|url| ("Alert", url)));
        }
        if let Some(id) = record.message_id() {
            links.extend(page(&["messages", &id.to_string()]).map(|url| ("Message", url)));
        }
        let label = event.labels.iter().find(|(key, value)| {
            !OWN.contains(&key.as_str()) && key.len() <= Label::LONGEST_KEY && Label::is_indexed(value)
        });
        if let Some((key, value)) = label {
            links.extend(page(&["timelines", key, value]).map(|url| ("Timeline", url)));
        }
        links
    }
}
