//! Signing in by a provider of identities (OpenID Connect): the way there, and the way back.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use hearback_event::Timestamp;
use http::{HeaderValue, StatusCode, header};

use super::entrance::{Shown, enter, sign_in_page};
use crate::Oidc;
use crate::answer;
use crate::auth::{self, cookie, set_cookie};
use crate::oidc::{ATTEMPT_LIVES, Attempt, NotAllowed, Refused, admit};
use crate::refusal::{Outcome, Refusal};
use crate::ui::{Parts, Ui};
use crate::url::{Query, own_path};
use crate::visit::Caller;

/// The cookie of a sign-in that has begun.
const ATTEMPT: &str = "hearback_oidc";

/// Why nobody is signed in, and the page's status.
struct Failed {
    status: StatusCode,
    words: String,
}

impl Failed {
    fn new(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, words: words.into() }
    }

    /// The provider did not do what it should; why stands in the log.
    fn provider(oidc: &Oidc, error: &crate::OidcError) -> Self {
        tracing::warn!(%error, "single sign-on failed");
        let name = &oidc.options().name;
        let words = format!(
            "{name} did not answer as it should. Try again in a moment; if it stays like this, an admin finds the cause in the log \
             of the server."
        );
        Self::new(StatusCode::BAD_GATEWAY, words)
    }
}

fn configured(ui: &Parts) -> Outcome<&Oidc> {
    let oidc = ui.options.oidc.as_ref();
    oidc.ok_or_else(|| {
        Refusal::not_found("Single sign-on is not configured: [ui.oidc] in the configuration.")
    })
}

/// `/sign-in/oidc`: to the provider.
pub(crate) async fn begin(State(ui): State<Ui>, caller: Caller, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let oidc = configured(ui)?;
    let query = Query::parse(&query.unwrap_or_default());
    let next = own_path(query.get("next").unwrap_or("/"));
    let now = Timestamp::now();
    if auth::find(ui, &caller.headers, now).await?.is_some() {
        return Ok(answer::redirect(next, []));
    }
    let metadata = match oidc.metadata(now).await {
        Ok(metadata) => metadata,
        Err(error) => return failed(ui, &caller, next, Failed::provider(oidc, &error)).await,
    };
    let attempt = Attempt::begin(next, now);
    let to = oidc.sign_in_at(&metadata, &attempt);
    let kept = set_cookie(ATTEMPT, &attempt.seal(oidc.cookie_key()), ATTEMPT_LIVES, caller.secure, true);
    Ok(answer::redirect(to.as_str(), kept))
}

/// `/sign-in/oidc/callback`: back from the provider. Whatever comes of it, the attempt is over.
pub(crate) async fn come_back(State(ui): State<Ui>, caller: Caller, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let oidc = configured(ui)?;
    let query = Query::parse(&query.unwrap_or_default());
    let now = Timestamp::now();
    let attempt =
        cookie(&caller.headers, ATTEMPT).and_then(|text| Attempt::open(text, oidc.cookie_key(), now));
    let next = attempt.as_ref().map_or("/", Attempt::next);
    let done = match signed_in(ui, oidc, &caller, &query, attempt.as_ref(), now).await? {
        Ok(answer) => Ok(answer),
        Err(problem) => failed(ui, &caller, next, problem).await,
    };
    done.map(|answer| without_attempt(answer, &caller))
}

async fn signed_in(
    ui: &Parts,
    oidc: &Oidc,
    caller: &Caller,
    query: &Query,
    attempt: Option<&Attempt>,
    now: Timestamp,
) -> Outcome<Result<Response, Failed>> {
    if !ui.attempts.allow_from(caller.remote) {
        let words = "Too many tries. Wait a minute, then try again.";
        return Ok(Err(Failed::new(StatusCode::TOO_MANY_REQUESTS, words)));
    }
    let (attempt, code) = match answered(oidc, query, attempt, now).await {
        Ok(answered) => answered,
        Err(problem) => return Ok(Err(problem)),
    };
    let claims = match oidc.claims(code, attempt, now).await {
        Ok(claims) => claims,
        Err(error) => return Ok(Err(Failed::provider(oidc, &error))),
    };
    let options = oidc.options();
    let person = match options.person(&claims) {
        Ok(person) => person,
        Err(why) => return Ok(Err(not_allowed(oidc, caller, why))),
    };
    let user = match admit(ui, options, caller, person).await {
        Ok(user) => user,
        Err(Refused::Store(refusal)) => return Err(refusal),
        Err(Refused::Unknown) => return Ok(Err(unknown(oidc, caller))),
        Err(Refused::NameTaken(name)) => return Ok(Err(name_taken(&name))),
    };
    let detail = format!("through OpenID Connect ({})", options.name);
    enter(ui, caller, &user, attempt.next(), "signed_in", detail).await.map(Ok)
}

/// The attempt that this is the answer to, and the code in it.
async fn answered<'a>(
    oidc: &Oidc,
    query: &'a Query,
    attempt: Option<&'a Attempt>,
    now: Timestamp,
) -> Result<(&'a Attempt, &'a str), Failed> {
    let state = query.get("state").unwrap_or_default();
    let attempt = attempt.filter(|attempt| attempt.is_answered_by(state)).ok_or_else(|| {
        let words = "This answer does not belong to a sign-in of this browser: it took longer than a quarter of an hour, another \
                     tab began a sign-in meanwhile, or cookies are not kept. Try again.";
        Failed::new(StatusCode::BAD_REQUEST, words)
    })?;
    let metadata = oidc.metadata(now).await.map_err(|error| Failed::provider(oidc, &error))?;
    let issuer = query.get("iss");
    let is_of_issuer = issuer.map_or(!metadata.names_issuer, |issuer| issuer == oidc.options().issuer);
    if !is_of_issuer {
        tracing::warn!("single sign-on failed: the answer names another issuer (`iss`)");
        return Err(Failed::new(
            StatusCode::BAD_REQUEST,
            "This answer comes from another provider. Try again.",
        ));
    }
    if let Some(error) = query.get("error") {
        return Err(told(oidc, error));
    }
    let code = query.get("code").ok_or_else(|| told(oidc, "no_code"))?;
    Ok((attempt, code))
}

/// What an error of the provider means for who wants in.
fn told(oidc: &Oidc, error: &str) -> Failed {
    let name = &oidc.options().name;
    // Only words of the specifications are logged: the rest is whatever the browser brought.
    let plain = error.len() <= 60 && error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let shown = if plain { error } else { "an unknown one" };
    tracing::warn!(error = shown, "single sign-on failed: the provider answered with an error");
    match error {
        "access_denied" | "consent_required" => Failed::new(
            StatusCode::FORBIDDEN,
            format!(
                "{name} did not let you in: you said no there, or you may not use Hearback. Who runs {name} can allow it."
            ),
        ),
        "login_required" | "interaction_required" | "account_selection_required" => Failed::new(
            StatusCode::FORBIDDEN,
            format!("You are not signed in at {name}. Try again, and sign in there."),
        ),
        "temporarily_unavailable" | "server_error" => Failed::new(
            StatusCode::BAD_GATEWAY,
            format!("{name} cannot sign you in at the moment. Try again later."),
        ),
        _ => Failed::new(
            StatusCode::BAD_GATEWAY,
            format!(
                "{name} refuses how Hearback asks ({shown}). An admin must mend it: the client's settings there, or [ui.oidc] here."
            ),
        ),
    }
}

fn refused(caller: &Caller, why: &'static str) {
    let remote = caller.remote.map(|remote| remote.to_string()).unwrap_or_default();
    tracing::warn!(remote, why, "somebody whom the provider of single sign-on knows was not let in");
}

fn not_allowed(oidc: &Oidc, caller: &Caller, why: NotAllowed) -> Failed {
    let name = &oidc.options().name;
    let (word, words) = match why {
        NotAllowed::NoRole => (
            "no role",
            format!("{name} knows you, but nothing there gives you a role here. Ask an admin for one, then sign in again."),
        ),
        NotAllowed::NotVerified => (
            "address not verified",
            format!("{name} does not say that your e-mail address is verified. Have it verified there, then sign in again."),
        ),
        NotAllowed::OtherDomain => (
            "domain not allowed",
            "Your e-mail address is of a domain that is not let in here. Sign in with another account, or ask an admin.".to_owned(),
        ),
    };
    refused(caller, word);
    Failed::new(StatusCode::FORBIDDEN, words)
}

fn unknown(oidc: &Oidc, caller: &Caller) -> Failed {
    refused(caller, "no user");
    let name = &oidc.options().name;
    let words = format!(
        "{name} knows you, but there is no user here for you. Ask an admin to make one, called by your e-mail address."
    );
    Failed::new(StatusCode::FORBIDDEN, words)
}

fn name_taken(name: &str) -> Failed {
    let words = format!(
        "There is another user called {name} already. If that is you, sign in with its password; an admin can join the two \
         (`link_by_email` under [ui.oidc]), or remove the old one in Settings."
    );
    Failed::new(StatusCode::CONFLICT, words)
}

async fn failed(ui: &Parts, caller: &Caller, next: &str, Failed { status, words }: Failed) -> Outcome {
    let shown = Shown { problem: Some(&words), next, ..Shown::new(status) };
    sign_in_page(ui, caller, shown).await
}

fn without_attempt(mut answer: Response, caller: &Caller) -> Response {
    let gone: Option<HeaderValue> = set_cookie(ATTEMPT, "", 0, caller.secure, true);
    if let Some(gone) = gone {
        answer.headers_mut().append(header::SET_COOKIE, gone);
    }
    answer
}
