//! Signing in, signing out, and the first user.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use hearback_event::Timestamp;
use hearback_store::{NewUser, Role, User};
use http::{HeaderMap, StatusCode, header};

use crate::answer;
use crate::assets::ASSETS;
use crate::auth::{self, FORM, SESSION, cookie, fresh_token, set_cookie};
use crate::change::{Change, Entrance, record};
use crate::link::Purpose;
use crate::password::SHORTEST;
use crate::refusal::{Outcome, Refusal};
use crate::single::{self, Left, SingleSignOn};
use crate::ui::{Parts, Ui};
use crate::url::{Query, own_path};
use crate::visit::{Caller, FormKey};

/// Longest name of a user.
pub(crate) const NAME_MAX: usize = 200;
/// How long a form may be open before it is sent, in seconds.
const FORM_LIVES: i64 = 12 * 3600;

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignIn<'a> {
    title: &'static str,
    theme: Option<&'static str>,
    style: &'static str,
    script: &'static str,
    icon: &'static str,
    version: &'static str,
    problem: Option<&'a str>,
    form: String,
    next: &'a str,
    name: &'a str,
    nobody_yet: bool,
    single: Option<SingleSignOn>,
    left: Option<Left>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome<'a> {
    title: &'static str,
    theme: Option<&'static str>,
    style: &'static str,
    script: &'static str,
    icon: &'static str,
    version: &'static str,
    problem: Option<&'a str>,
    form: String,
    token: &'a str,
    name: &'a str,
    shortest: usize,
}

/// The secret of this browser's form, and the cookie for it where there is none yet.
fn form_key(caller: &Caller) -> (FormKey, Option<http::HeaderValue>) {
    if let Some(value) = cookie(&caller.headers, FORM).filter(|value| value.len() >= 32) {
        return (FormKey::of_cookie(value), None);
    }
    let value = fresh_token();
    (FormKey::of_cookie(&value), set_cookie(FORM, &value, FORM_LIVES, caller.secure, true))
}

fn with_cookie(mut answer: Response, cookie: Option<http::HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}

/// What the sign-in page says.
pub(crate) struct Shown<'a> {
    pub(crate) status: StatusCode,
    /// Why nobody is signed in.
    pub(crate) problem: Option<&'a str>,
    /// The name that was typed.
    pub(crate) name: &'a str,
    /// Where he wants to go.
    pub(crate) next: &'a str,
    /// To somebody who signed out.
    pub(crate) left: Option<Left>,
}

impl Shown<'_> {
    pub(crate) const fn new(status: StatusCode) -> Self {
        Self { status, problem: None, name: "", next: "/", left: None }
    }
}

pub(crate) async fn sign_in_page(ui: &Parts, caller: &Caller, shown: Shown<'_>) -> Outcome {
    let Shown { status, problem, name, next, left } = shown;
    let (key, cookie) = form_key(caller);
    let page = SignIn {
        title: "Sign in",
        theme: caller.preferences.theme,
        style: &ASSETS.style.path,
        script: &ASSETS.script.path,
        icon: &ASSETS.icon.path,
        version: env!("CARGO_PKG_VERSION"),
        problem,
        form: key.masked(),
        next: own_path(next),
        name,
        nobody_yet: ui.accounts.users().await?.is_empty(),
        single: single::button(&ui.options, own_path(next)),
        left,
    };
    Ok(with_cookie(answer::page(status, &caller.headers, &page), cookie))
}

/// `/sign-in`
pub(crate) async fn show(State(ui): State<Ui>, caller: Caller, RawQuery(query): RawQuery) -> Outcome {
    let query = Query::parse(&query.unwrap_or_default());
    let next = own_path(query.get("next").unwrap_or("/"));
    if auth::find(&ui.0, &caller.headers, Timestamp::now()).await?.is_some() {
        return Ok(answer::redirect(next, []));
    }
    let left = if query.get("left").is_some() { single::left(&ui.0.options).await } else { None };
    sign_in_page(&ui.0, &caller, Shown { next, left, ..Shown::new(StatusCode::OK) }).await
}

/// `POST /sign-in`
pub(crate) async fn sign_in(State(ui): State<Ui>, Entrance { caller, fields }: Entrance) -> Outcome {
    let parts = &*ui.0;
    let name = fields.get("user").unwrap_or_default();
    let next = own_path(fields.get("next").unwrap_or("/"));
    if !parts.attempts.allow(caller.remote, name) {
        let problem = Some("Too many tries. Wait a minute, then try again.");
        let shown = Shown { problem, name, next, ..Shown::new(StatusCode::TOO_MANY_REQUESTS) };
        return sign_in_page(parts, &caller, shown).await;
    }
    let user = if name.len() > NAME_MAX { None } else { parts.accounts.user(name.to_owned()).await? };
    let hash = user.as_ref().and_then(|user| user.password.clone());
    // The one answer for every cause: neither words nor time tell which names there are.
    let is_right = parts.hasher.verify(fields.get("pass").unwrap_or_default().to_owned(), hash).await;
    if let Some(user) = user.filter(|_| is_right) {
        return enter(parts, &caller, &user, next, "signed_in", String::new()).await;
    }
    let remote = caller.remote.map(|remote| remote.to_string()).unwrap_or_default();
    tracing::warn!(remote, "somebody could not sign in");
    let problem = Some("No user with this name and password.");
    let shown = Shown { problem, name, next, ..Shown::new(StatusCode::UNAUTHORIZED) };
    sign_in_page(parts, &caller, shown).await
}

/// Begins a session, and writes it down.
pub(crate) async fn enter(
    parts: &Parts,
    caller: &Caller,
    user: &User,
    next: &str,
    what: &str,
    detail: String,
) -> Outcome {
    let cookie = auth::begin(parts, user, caller.remote, &caller.headers, caller.secure).await?;
    record(parts, caller, &user.name, what, detail).await?;
    let gone = set_cookie(FORM, "", 0, caller.secure, true);
    Ok(answer::redirect(next, cookie.into_iter().chain(gone)))
}

/// `POST /sign-out`
pub(crate) async fn sign_out(State(ui): State<Ui>, change: Change) -> Outcome {
    if let Some(session) = change.visit.session {
        ui.0.accounts.end_session(session).await?;
        change.record(&ui.0, "signed_out", String::new()).await?;
    }
    let gone = set_cookie(SESSION, "", 0, change.visit.caller.secure, true);
    let to = if change.visit.is_identified { "/sign-in?left=1" } else { "/sign-in" };
    Ok(answer::redirect(to, gone))
}

fn used_up() -> Refusal {
    Refusal::not_found(
        "This link is not valid any more: it works once, and only until hearback is started again. If there is no user yet, \
         a restart prints another; otherwise sign in, or run `hearback users add` on the server.",
    )
}

/// `/welcome?token=...`
pub(crate) async fn welcome(State(ui): State<Ui>, caller: Caller, RawQuery(query): RawQuery) -> Outcome {
    let parts = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let token = query.get("token").unwrap_or_default();
    let purpose = parts.links.lock().purpose(token);
    match purpose {
        Some(Purpose::User(id)) => {
            let user = parts.accounts.users().await?.into_iter().find(|user| user.id == id);
            let user = user.ok_or_else(used_up)?;
            enter(parts, &caller, &user, "/", "signed_in", String::new()).await
        }
        Some(Purpose::FirstUser) if parts.accounts.users().await?.is_empty() => {
            Ok(welcome_page(&caller, StatusCode::OK, None, token, ""))
        }
        _ => Err(used_up()),
    }
}

fn welcome_page(
    caller: &Caller,
    status: StatusCode,
    problem: Option<&str>,
    token: &str,
    name: &str,
) -> Response {
    let (key, cookie) = form_key(caller);
    let page = Welcome {
        title: "Welcome",
        theme: caller.preferences.theme,
        style: &ASSETS.style.path,
        script: &ASSETS.script.path,
        icon: &ASSETS.icon.path,
        version: env!("CARGO_PKG_VERSION"),
        problem,
        form: key.masked(),
        token,
        name,
        shortest: SHORTEST,
    };
    // Its own address holds the token: nothing of it may be kept.
    with_cookie(answer::page(status, &HeaderMap::new(), &page), cookie)
}

/// `POST /welcome`
pub(crate) async fn begin(State(ui): State<Ui>, Entrance { caller, fields }: Entrance) -> Outcome {
    let parts = &*ui.0;
    let token = fields.get("token").unwrap_or_default();
    if parts.links.lock().purpose(token) != Some(Purpose::FirstUser) {
        return Err(used_up());
    }
    let name = fields.get("user").unwrap_or_default();
    let again = |problem: &str| {
        Ok(welcome_page(&caller, StatusCode::UNPROCESSABLE_ENTITY, Some(problem), token, name))
    };
    if let Err(problem) = check_name(name) {
        return again(problem);
    }
    let password = match parts.hasher.hash(fields.get("pass").unwrap_or_default().to_owned()).await {
        Ok(password) => password,
        Err(problem) => return again(&capital(&problem.to_string())),
    };
    let new = NewUser {
        name: name.to_owned(),
        role: Role::Admin,
        password: Some(password),
        identity: None,
        created_at: Timestamp::now(),
    };
    let user = parts.accounts.add_first_user(new).await?.ok_or_else(used_up)?;
    parts.links.lock().first_user_is_there();
    tracing::info!("the first user was made");
    enter(parts, &caller, &user, "/", "first_user", String::new()).await
}

/// What is wrong with the name of a new user.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > NAME_MAX || name.contains(char::is_control) {
        return Err("A name has 1 to 200 characters, in one line.");
    }
    Ok(())
}

/// A sentence's first letter.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}
