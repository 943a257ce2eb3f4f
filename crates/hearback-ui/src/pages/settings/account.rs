//! What everybody may change: the own password and sessions.

use askama::Template;
use axum::extract::{RawQuery, State};
use hearback_store::{Role, UserChange, UserSession};
use http::StatusCode;

use super::{Tab, done, tabs};
use crate::answer;
use crate::change::Change;
use crate::frame::Frame;
use crate::pages::entrance::capital;
use crate::password::SHORTEST;
use crate::pieces::{Clock, Html};
use crate::refusal::{Outcome, Refusal};
use crate::ui::Ui;
use crate::url::Query;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "settings-account.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    role: Role,
    role_words: &'static str,
    name: String,
    has_password: bool,
    is_identified: bool,
    shortest: usize,
    sessions: Vec<SessionRow>,
}

/// A session in a list.
pub(super) struct SessionRow {
    pub(super) id: u64,
    pub(super) who: String,
    pub(super) seen: Html,
    pub(super) since: Html,
    pub(super) remote: String,
    pub(super) agent: String,
    pub(super) is_this: bool,
}

impl SessionRow {
    pub(super) fn of(session: &UserSession, who: String, visit: &Visit, clock: &Clock) -> Self {
        Self {
            id: session.id,
            who,
            seen: clock.ago(session.seen_at),
            since: clock.moment(session.created_at),
            remote: session.remote.clone().unwrap_or_default(),
            agent: agent(session.agent.as_deref().unwrap_or_default()),
            is_this: visit.session == Some(session.id),
        }
    }
}

/// A browser's name in short: `Firefox on Linux`.
fn agent(text: &str) -> String {
    let find = |known: &[(&'static str, &'static str)]| {
        known.iter().find(|(word, _)| text.contains(word)).map(|(_, name)| *name)
    };
    let browsers = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    let systems = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    match (find(&browsers), find(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        _ => text.chars().take(40).collect(),
    }
}

const fn role_words(role: Role) -> &'static str {
    match role {
        Role::Viewer => {
            "You look at everything; addresses are masked unless the configuration says otherwise."
        }
        Role::Operator => {
            "You see addresses and raw requests whole, let in what was refused, and suppress and lift."
        }
        Role::Admin => "You may do everything: also users, tokens, and what others changed.",
    }
}

/// `/settings`
pub(crate) async fn account(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let clock = Clock::of(&visit);
    let sessions = match visit.user {
        Some(user) => ui.accounts.sessions(Some(user), visit.now).await?,
        None => Vec::new(),
    };
    let page = Page {
        frame: Frame::new(ui, &visit, "/settings", "Settings").await?.saying(query.get("said")),
        tabs: tabs(&visit, "/settings"),
        role: visit.role,
        role_words: role_words(visit.role),
        name: visit.name.clone(),
        has_password: visit.has_password,
        is_identified: visit.is_identified,
        shortest: SHORTEST,
        sessions: sessions.iter().map(|one| SessionRow::of(one, String::new(), &visit, &clock)).collect(),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &page))
}

/// `POST /settings/password`
pub(crate) async fn change_password(State(ui): State<Ui>, change: Change) -> Outcome {
    let ui = &*ui.0;
    let visit = &change.visit;
    let (Some(user), Some(session)) = (visit.user, visit.session) else {
        return Err(Refusal::bad("Who is let in by a proxy has no password here."));
    };
    if !visit.has_password {
        return Err(Refusal::bad("You are signed in by single sign-on; there is no password here."));
    }
    if !ui.attempts.allow(visit.caller.remote, &visit.name) {
        return Err(Refusal::bad("Too many tries. Wait a minute, then try again."));
    }
    let known = ui.accounts.user(visit.name.clone()).await?.and_then(|user| user.password);
    let old = change.fields.get("old").unwrap_or_default().to_owned();
    if !ui.hasher.verify(old, known).await {
        return Err(Refusal::bad("The old password is not right."));
    }
    let new = change.fields.get("new").unwrap_or_default().to_owned();
    let hash = ui.hasher.hash(new).await.map_err(|error| Refusal::bad(capital(&error.to_string())))?;
    ui.accounts.change_user(user, UserChange::Password(hash), Some(session)).await?;
    change.record(ui, "user.password", visit.name.clone()).await?;
    Ok(done("/settings", "The password is changed; other sessions are signed out."))
}

/// `POST /settings/sessions/end`
pub(crate) async fn end_own_session(State(ui): State<Ui>, change: Change) -> Outcome {
    let ui = &*ui.0;
    let id: Option<u64> = change.fields.read("id");
    let own = match change.visit.user {
        Some(user) => ui.accounts.sessions(Some(user), change.visit.now).await?,
        None => Vec::new(),
    };
    let Some(session) = own.iter().find(|session| Some(session.id) == id) else {
        return Err(Refusal::bad("This session is not yours, or has ended."));
    };
    ui.accounts.end_session(session.id).await?;
    change.record(ui, "session.end", change.visit.name.clone()).await?;
    Ok(done("/settings", "The session is signed out."))
}

#[cfg(test)]
mod tests {
    #[test]
    fn browsers_are_named() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
        assert_eq!(super::agent(firefox), "Firefox on Linux");
        assert_eq!(super::agent("Something/1"), "Something/1");
        assert_eq!(super::agent(""), "");
    }
}
