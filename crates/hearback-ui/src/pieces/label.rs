//! What the sender attached.

use hearback_event::Label;

use super::{Html, escape};
use crate::eyes::Eyes;
use crate::url::segment;

/// Longer values are cut in the text; the title has them whole.
const LONGEST: usize = 60;

/// `key=value`, with a link to its timeline where there can be one and the link says no more than the text.
pub(crate) fn label(key: &str, value: &str, eyes: Eyes) -> Html {
    let shown = eyes.text(value);
    let mut short: String = shown.chars().take(LONGEST).collect();
    if short.len() < shown.len() {
        short.push('…');
    }
    let inner = format!("{}=<b>{}</b>", escape(key), escape(&short));
    if key == Label::ALERT && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Html(format!("<a class=\"label\" href=\"/alerts/{value}\">{inner}</a>"));
    }
    if shown == value && Label::is_indexed(value) && !value.is_empty() && !key.is_empty() {
        let href = format!("/timelines/{}/{}", segment(key), segment(value));
        return Html(format!("<a class=\"label\" href=\"{href}\">{inner}</a>"));
    }
    Html(format!("<span class=\"label\">{inner}</span>"))
}

/// A tag: a label without a key.
pub(crate) fn tag(tag: &str, eyes: Eyes) -> Html {
    let shown = eyes.text(tag);
    if shown == tag {
        let href = crate::url::Query::default().with("tag", tag).of("/events");
        return Html(format!("<a class=\"label\" href=\"{}\"><b>{}</b></a>", escape(&href), escape(tag)));
    }
    Html(format!("<span class=\"label\"><b>{}</b></span>", escape(&shown)))
}
