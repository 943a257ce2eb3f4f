//! For admins: who may sign in, who is signed in, and the tokens of the API.

use askama::Template;
use axum::extract::{RawQuery, State};
use hearback_event::Timestamp;
use hearback_providers::crypto;
use hearback_store::{NewToken, NewUser, Role, UserChange};
use http::StatusCode;

use super::account::SessionRow;
use super::{Tab, done, tabs};
use crate::answer;
use crate::auth::fresh_token;
use crate::change::Change;
use crate::frame::Frame;
use crate::pages::entrance::{capital, check_name};
use crate::password::SHORTEST;
use crate::pieces::{Clock, Html};
use crate::refusal::{Outcome, Refusal};
use crate::ui::{Parts, Ui};
use crate::url::Query;
use crate::visit::Visit;

const USERS: &str = "/settings/users";
const SESSIONS: &str = "/settings/sessions";
const TOKENS: &str = "/settings/tokens";

#[derive(Template)]
#[template(path = "settings-users.html")]
struct UsersPage {
    frame: Frame,
    tabs: Vec<Tab>,
    rows: Vec<UserRow>,
    roles: &'static [Role],
    shortest: usize,
}

struct UserRow {
    id: u64,
    name: String,
    role: Role,
    since: Html,
    sessions: usize,
    is_identified: bool,
    is_self: bool,
}

/// `/settings/users`
pub(crate) async fn users(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    visit.require(Role::Admin)?;
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let sessions = ui.accounts.sessions(None, visit.now).await?;
    let clock = Clock::of(&visit);
    let page = UsersPage {
        frame: Frame::new(ui, &visit, "/settings", "Users").await?.saying(query.get("said")),
        tabs: tabs(&visit, USERS),
        rows: ui
            .accounts
            .users()
            .await?
            .into_iter()
            .map(|user| UserRow {
                id: user.id,
                is_self: visit.user == Some(user.id),
                is_identified: user.identity.is_some(),
                role: user.role,
                since: clock.date(user.created_at),
                sessions: sessions.iter().filter(|session| session.user_id == user.id).count(),
                name: user.name,
            })
            .collect(),
        roles: Role::ALL,
        shortest: SHORTEST,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &page))
}

fn role_of(fields: &Query) -> Outcome<Role> {
    fields.read("role").ok_or_else(|| Refusal::bad("The role is viewer, operator or admin."))
}

async fn password_of(ui: &Parts, fields: &Query) -> Outcome<String> {
    let password = fields.get("password").unwrap_or_default().to_owned();
    ui.hasher.hash(password).await.map_err(|error| Refusal::bad(capital(&error.to_string())))
}

/// `POST /settings/users`
pub(crate) async fn add_user(State(ui): State<Ui>, change: Change) -> Outcome {
    let ui = &*ui.0;
    change.visit.require(Role::Admin)?;
    let name = change.fields.get("name").unwrap_or_default();
    check_name(name).map_err(Refusal::bad)?;
    let role = role_of(&change.fields)?;
    let password = Some(password_of(ui, &change.fields).await?);
    let created_at = Timestamp::now();
    let new = NewUser { name: name.to_owned(), role, password, identity: None, created_at };
    if ui.accounts.add_user(new).await?.is_none() {
        return Err(Refusal::bad("There is a user of this name already."));
    }
    change.record(ui, "user.add", format!("{name}, {role}")).await?;
    Ok(done(USERS, &format!("{name} can sign in now.")))
}

/// `POST /settings/users/change`: role, password, or removal.
pub(crate) async fn change_user(State(ui): State<Ui>, change: Change) -> Outcome {
    let ui = &*ui.0;
    change.visit.require(Role::Admin)?;
    let id: Option<u64> = change.fields.read("id");
    let users = ui.accounts.users().await?;
    let user = users.iter().find(|user| Some(user.id) == id);
    let user = user.ok_or_else(|| Refusal::bad("This user is gone already."))?;
    let is_last =
        user.role == Role::Admin && users.iter().filter(|user| user.role == Role::Admin).count() == 1;
    let keep = change.visit.session.filter(|_| change.visit.user == Some(user.id));
    let name = &user.name;
    match change.fields.get("do") {
        Some("role") => {
            let role = role_of(&change.fields)?;
            if is_last && role != Role::Admin {
                return Err(Refusal::bad("This is the last admin; make another one first."));
            }
            ui.accounts.change_user(user.id, UserChange::Role(role), keep).await?;
            change.record(ui, "user.role", format!("{name}, {} to {role}", user.role)).await?;
            Ok(done(USERS, &format!("{name} is {role} now.")))
        }
        Some("password") => {
            let password = password_of(ui, &change.fields).await?;
            ui.accounts.change_user(user.id, UserChange::Password(password), keep).await?;
            change.record(ui, "user.password", name.clone()).await?;
            Ok(done(USERS, &format!("The password of {name} is changed.")))
        }
        Some("remove") => {
            if is_last {
                return Err(Refusal::bad("This is the last admin; make another one first."));
            }
            ui.accounts.remove_user(user.id).await?;
            change.record(ui, "user.remove", name.clone()).await?;
            Ok(done(USERS, &format!("{name} is removed and signed out.")))
        }
        _ => Err(Refusal::bad("The form does not say what to change.")),
    }
}

#[derive(Template)]
#[template(path = "settings-sessions.html")]
struct SessionsPage {
    frame: Frame,
    tabs: Vec<Tab>,
    rows: Vec<SessionRow>,
}

/// `/settings/sessions`
pub(crate) async fn sessions(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    visit.require(Role::Admin)?;
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let users = ui.accounts.users().await?;
    let name =
        |id: u64| users.iter().find(|user| user.id == id).map(|user| user.name.clone()).unwrap_or_default();
    let clock = Clock::of(&visit);
    let found = ui.accounts.sessions(None, visit.now).await?;
    let page = SessionsPage {
        frame: Frame::new(ui, &visit, "/settings", "Sessions").await?.saying(query.get("said")),
        tabs: tabs(&visit, SESSIONS),
        rows: found.iter().map(|one| SessionRow::of(one, name(one.user_id), &visit, &clock)).collect(),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &page))
}

/// `POST /settings/sessions`
pub(crate) async fn end_any_session(State(ui): State<Ui>, change: Change) -> Outcome {
    let ui = &*ui.0;
    change.visit.require(Role::Admin)?;
    let id: u64 = change.fields.read("id").ok_or_else(|| Refusal::bad("The form names no session."))?;
    if !ui.accounts.end_session(id).await? {
        return Err(Refusal::bad("This session has ended already."));
    }
    change.record(ui, "session.end", change.fields.get("who").unwrap_or_default().to_owned()).await?;
    Ok(done(SESSIONS, "The session is signed out."))
}

#[derive(Template)]
#[template(path = "settings-tokens.html")]
struct TokensPage {
    frame: Frame,
    tabs: Vec<Tab>,
    rows: Vec<TokenRow>,
    fresh: Option<String>,
}

struct TokenRow {
    id: u64,
    name: String,
    scope: String,
    since: Html,
}

async fn tokens_page(ui: &Parts, visit: &Visit, fresh: Option<String>, said: Option<&str>) -> Outcome {
    let clock = Clock::of(visit);
    let tokens = ui.store.tokens().await?.into_iter().map(|token| TokenRow {
        id: token.id,
        name: token.name,
        scope: token.scope,
        since: clock.moment(token.created_at),
    });
    let page = TokensPage {
        rows: tokens.collect(),
        frame: Frame::new(ui, visit, "/settings", "API tokens").await?.saying(said),
        tabs: tabs(visit, TOKENS),
        fresh,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &page))
}

/// `/settings/tokens`
pub(crate) async fn tokens(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    visit.require(Role::Admin)?;
    let query = Query::parse(&query.unwrap_or_default());
    tokens_page(&ui.0, &visit, None, query.get("said")).await
}

/// `POST /settings/tokens`: makes one, and shows it this once.
pub(crate) async fn add_token(State(ui): State<Ui>, change: Change) -> Outcome {
    let ui = &*ui.0;
    change.visit.require(Role::Admin)?;
    let name = change.fields.get("name").unwrap_or_default();
    if name.is_empty() || name.len() > 100 || name.contains(char::is_control) {
        return Err(Refusal::bad("A token's name has 1 to 100 characters, in one line."));
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::bad(
            "A token's name cannot be a number: the command line would take it for one.",
        ));
    }
    if ui.store.tokens().await?.iter().any(|token| token.name == name) {
        return Err(Refusal::bad("There is a token of this name already."));
    }
    let scope = change.fields.get("scope").unwrap_or_default();
    let scope = ["read", "write", "admin"].into_iter().find(|known| *known == scope);
    let scope = scope.ok_or_else(|| Refusal::bad("The scope is read, write or admin."))?;
    let token = format!("hb_{}", fresh_token());
    let new = NewToken {
        name: name.to_owned(),
        scope: scope.to_owned(),
        hash: crypto::sha256(&[token.as_bytes()]),
        created_at: Timestamp::now(),
    };
    ui.store.add_token(new).await?;
    change.record(ui, "token.add", format!("{name}, {scope}")).await?;
    tokens_page(ui, &change.visit, Some(token), None).await
}

/// `POST /settings/tokens/remove`
pub(crate) async fn remove_token(State(ui): State<Ui>, change: Change) -> Outcome {
    let ui = &*ui.0;
    change.visit.require(Role::Admin)?;
    let id: Option<u64> = change.fields.read("id");
    let tokens = ui.store.tokens().await?;
    let token = tokens.iter().find(|token| Some(token.id) == id);
    let token = token.ok_or_else(|| Refusal::bad("This token is gone already."))?;
    ui.store.remove_token(token.id).await?;
    change.record(ui, "token.remove", token.name.clone()).await?;
    Ok(done(TOKENS, "The token is revoked; it stops working within seconds."))
}
