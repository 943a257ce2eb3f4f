//! The list of recipients: whose last event was what, and who is suppressed.

use askama::Template;
use axum::extract::{RawQuery, State};
use hearback_event::{Address, Kind, RecipientStatus};
use hearback_store::{RecipientPage, RecipientPlace, RecipientQuery, RecipientView};
use http::StatusCode;

use super::sent;
use crate::answer;
use crate::frame::Frame;
use crate::pieces::{Clock, Html, badge, icon, kind_mark};
use crate::refusal::Outcome;
use crate::search::{Sought, understand};
use crate::ui::Ui;
use crate::url::{Query, segment};
use crate::visit::Visit;

/// Rows of a page.
const ROWS: usize = 50;
/// The store is asked so often for one page of rows, each time to look at some hundred events: who finds nothing waits for all of them.
const ASKED_MAX: usize = 8;

/// The kinds that have a chip.
const CHIPS: &[Kind] = &[
    Kind::Delivered,
    Kind::Opened,
    Kind::Clicked,
    Kind::Sent,
    Kind::Deferred,
    Kind::Bounced,
    Kind::Rejected,
    Kind::Failed,
    Kind::Complained,
    Kind::Unsubscribed,
];

#[derive(Template)]
#[template(path = "recipients.html")]
struct ListPage {
    frame: Frame,
    chips: Vec<(&'static str, &'static str, Html, &'static str, bool)>,
    suppressed: bool,
    domain: Option<String>,
    without_domain: String,
    is_filtered: bool,
    rows: Vec<Row>,
    older: Option<String>,
    first: Option<String>,
    nothing_yet: bool,
}

struct Row {
    icon: Html,
    who: String,
    href: Option<String>,
    badge: Html,
    time: Html,
    counts: [(&'static str, u64, bool, bool); 6],
    user: String,
    suppressed: bool,
}

/// `/recipients`
pub(crate) async fn list(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let mut nothing_understood = None;
    if let Some(text) = query.get("q") {
        match understand(ui, text).await? {
            Sought::Address(address) => {
                return Ok(answer::redirect(&format!("/recipients/{}", segment(address.as_str())), []));
            }
            Sought::Domain(domain) => {
                return Ok(answer::redirect(
                    &query.without(&["q", "from"]).with("domain", domain).of("/recipients"),
                    [],
                ));
            }
            Sought::Message(id) | Sought::Found(id) => {
                return Ok(answer::redirect(&format!("/messages/{id}"), []));
            }
            Sought::Event(id) => return Ok(answer::redirect(&format!("/events?open={id}"), [])),
            Sought::Label(key, value) => {
                return Ok(answer::redirect(
                    &format!("/timelines/{}/{}", segment(&key), segment(&value)),
                    [],
                ));
            }
            Sought::Words(words) => nothing_understood = Some(words),
        }
    }
    let last_kinds: Vec<Kind> = query.all("last").filter_map(|name| Kind::parse(name).ok()).collect();
    let suppressed = query.get("suppressed").is_some();
    let asked = RecipientQuery {
        last_kinds: last_kinds.clone(),
        statuses: if suppressed { vec![RecipientStatus::Suppressed] } else { Vec::new() },
        domain: query.get("domain").map(str::to_lowercase),
        from: query.get("from").and_then(place),
        limit: ROWS,
        ..RecipientQuery::default()
    };
    let domain = asked.domain.clone();
    let page = filled(ui, asked).await?;
    let clock = Clock::of(&visit);
    let base = query.without(&["from", "q"]);
    let search = nothing_understood.or_else(|| domain.clone()).unwrap_or_default();
    let view = ListPage {
        frame: Frame::new(ui, &visit, "/recipients", "Recipients").await?.searching(
            "/recipients",
            "Recipients",
            search,
        ),
        chips: CHIPS
            .iter()
            .map(|kind| {
                let mark = kind_mark(*kind);
                (kind.name(), mark.status, icon(mark.icon), mark.word, last_kinds.contains(kind))
            })
            .collect(),
        suppressed,
        without_domain: base.without(&["domain"]).of("/recipients"),
        domain,
        is_filtered: !base.pairs().is_empty(),
        rows: page.rows.iter().map(|one| row(one, &visit, &clock)).collect(),
        older: page.next.as_ref().and_then(place_text).map(|from| base.with("from", from).of("/recipients")),
        first: query.get("from").map(|_| base.of("/recipients")),
        nothing_yet: ui.store.last_position() == 0,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}

/// A page of rows. The store looks at so many events and ends its page, full or not: where few are meant it is asked to go on.
async fn filled(ui: &crate::ui::Parts, mut asked: RecipientQuery) -> Outcome<RecipientPage> {
    let mut page = ui.store.list_recipients(asked.clone()).await?;
    for _ in 1..ASKED_MAX {
        if page.next.is_none() || page.rows.len() == ROWS {
            break;
        }
        asked.from = page.next.take();
        asked.limit = ROWS - page.rows.len();
        let further = ui.store.list_recipients(asked.clone()).await?;
        page.rows.extend(further.rows);
        page.next = further.next;
    }
    Ok(page)
}

/// A place in the list as it stands in a URL: numbers, and an address where there is one.
fn place_text(place: &RecipientPlace) -> Option<String> {
    Some(match place {
        RecipientPlace::Log { as_of, beyond } => format!("l.{as_of}.{beyond}"),
        RecipientPlace::Dropped { as_of, below, after } => {
            format!("d.{as_of}.{below}.{}", after.as_ref().map(Address::as_str).unwrap_or_default())
        }
        RecipientPlace::User { .. } => return None,
    })
}

fn place(text: &str) -> Option<RecipientPlace> {
    let mut parts = text.splitn(4, '.');
    let (kind, as_of, at) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    match kind {
        "l" => Some(RecipientPlace::Log { as_of, beyond: at }),
        "d" => {
            let after = parts.next().filter(|text| !text.is_empty()).map(Address::parse).transpose().ok()?;
            Some(RecipientPlace::Dropped { as_of, below: at, after })
        }
        _ => None,
    }
}

fn row(view: &RecipientView, visit: &Visit, clock: &Clock) -> Row {
    let counts = view.counts();
    let bounced = counts.bounced_permanent + counts.bounced_temporary;
    let last = view.state.last_kind().map_or_else(Html::default, |kind| badge(kind_mark(kind), ""));
    Row {
        icon: icon(if view.address.is_phone() { "sms" } else { "message" }),
        who: visit.eyes.address(&view.address),
        href: crate::pages::events::recipient_link(&view.address, visit),
        badge: last,
        time: view.state.last.map(|(at, ..)| clock.ago(at)).unwrap_or_default(),
        counts: [
            ("Sent", sent(view), false, false),
            ("Delivered", counts.delivered, false, false),
            ("Bounced", bounced, true, false),
            ("Opened", counts.opened_human, false, true),
            ("Clicked", counts.clicked_human, false, true),
            ("Complained", counts.complained, true, true),
        ],
        user: view.profile.user_id.as_deref().map(|id| visit.eyes.text(id).into_owned()).unwrap_or_default(),
        suppressed: view.suppression.is_some(),
    }
}
