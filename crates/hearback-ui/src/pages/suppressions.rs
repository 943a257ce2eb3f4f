//! `/suppressions`: who must not be sent to, and why.

use askama::Template;
use axum::extract::{RawQuery, State};
use hearback_event::{Address, SuppressionReason};
use hearback_store::{Role, SuppressionQuery};
use http::StatusCode;

use crate::answer;
use crate::change::Change;
use crate::frame::Frame;
use crate::pages::events::recipient_link;
use crate::pieces::{Clock, Html, Mark, badge, icon};
use crate::refusal::{Outcome, Refusal};
use crate::ui::Ui;
use crate::url::{Query, segment};
use crate::visit::Visit;

/// Rows of a page.
const ROWS: usize = 50;

const fn mark(reason: SuppressionReason) -> Mark {
    match reason {
        SuppressionReason::Manual => Mark { status: "queued", icon: "shield", word: "By hand" },
        SuppressionReason::Complained => {
            Mark { status: "complained", icon: "complained", word: "Complained" }
        }
        SuppressionReason::Unsubscribed => {
            Mark { status: "unsubscribed", icon: "unsubscribed", word: "Unsubscribed" }
        }
        SuppressionReason::Listed => {
            Mark { status: "rejected", icon: "rejected", word: "On a provider's list" }
        }
        SuppressionReason::Bounced => Mark { status: "bounced", icon: "bounced", word: "Bounced for good" },
    }
}

#[derive(Template)]
#[template(path = "suppressions.html")]
struct Page {
    frame: Frame,
    chips: Vec<(&'static str, &'static str, Html, &'static str, bool)>,
    is_filtered: bool,
    rows: Vec<Row>,
    older: Option<String>,
    first: Option<String>,
    may_add: bool,
}

struct Row {
    icon: Html,
    who: String,
    href: Option<String>,
    badge: Html,
    since: Html,
    source: String,
}

/// `/suppressions`
pub(crate) async fn list(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    if let Some(address) = query.get("q").and_then(|text| Address::parse(text).ok()) {
        return Ok(answer::redirect(&format!("/recipients/{}", segment(address.as_str())), []));
    }
    let reasons: Vec<SuppressionReason> = query.all("reason").filter_map(|name| name.parse().ok()).collect();
    let asked = SuppressionQuery {
        reasons: reasons.clone(),
        source: query.get("source").map(str::to_owned),
        after: query.get("after").and_then(|text| Address::parse(text).ok()),
        limit: ROWS,
        ..SuppressionQuery::default()
    };
    let page = ui.store.suppressions(asked).await?;
    let clock = Clock::of(&visit);
    let base = query.without(&["after", "q", "said"]);
    // The place of the next page is an address: who must not see it whole reads the first page, or asks for less.
    let next = page.next.filter(|_| visit.eyes.clear);
    let view = Page {
        frame: Frame::new(ui, &visit, "/suppressions", "Suppressions")
            .await?
            .searching("/suppressions", "Suppressions", String::new())
            .saying(query.get("said")),
        chips: SuppressionReason::ALL
            .iter()
            .map(|reason| {
                let mark = mark(*reason);
                (reason.name(), mark.status, icon(mark.icon), mark.word, reasons.contains(reason))
            })
            .collect(),
        is_filtered: !base.pairs().is_empty(),
        rows: page
            .rows
            .iter()
            .map(|one| Row {
                icon: icon(if one.address.is_phone() { "sms" } else { "message" }),
                who: visit.eyes.address(&one.address),
                href: recipient_link(&one.address, &visit),
                badge: badge(mark(one.reason), ""),
                since: clock.moment(one.since),
                source: one.source.clone().unwrap_or_else(|| "by hand".to_owned()),
            })
            .collect(),
        older: next.map(|after| base.with("after", after.as_str()).of("/suppressions")),
        first: query.get("after").map(|_| base.of("/suppressions")),
        may_add: visit.role >= Role::Operator,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}

/// `POST /suppressions`: suppresses an address by hand.
pub(crate) async fn add(State(ui): State<Ui>, change: Change) -> Outcome {
    let ui = &*ui.0;
    change.visit.require(Role::Operator)?;
    let text = change.fields.get("address").unwrap_or_default();
    let address = Address::parse(text)
        .ok()
        .filter(|address| address.is_phone() || address.domain().is_some())
        .ok_or_else(|| Refusal::bad("An e-mail address or a number such as +15551234567 is needed."))?;
    let reason = change.fields.get("reason").filter(|reason| reason.len() <= 500);
    let one = std::slice::from_ref(&address);
    let created = hearback_server::suppress_by_hand(&*ui.store, one, &change.visit.name, reason).await?;
    let said = if created.contains(&true) {
        "The address is suppressed."
    } else {
        "The address was suppressed by hand already."
    };
    change.record(ui, "suppression.add", address.masked()).await?;
    Ok(answer::redirect(&Query::default().with("said", said).of("/suppressions"), []))
}
