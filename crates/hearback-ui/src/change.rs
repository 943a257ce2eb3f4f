//! A form that changes something. Whoever has one has been asked for: who sends it, and whether our own page made it.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use hearback_store::AuditEntry;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Limited};

use crate::auth;
use crate::refusal::Refusal;
use crate::ui::{Parts, Ui};
use crate::url::Query;
use crate::visit::{Caller, FormKey, Visit};

/// The field of a form that carries its secret.
pub(crate) const FIELD: &str = "form";
/// Longest form in bytes.
const LONGEST: usize = 64 * 1024;

/// A form of somebody who is signed in.
pub(crate) struct Change {
    /// Who.
    pub(crate) visit: Visit,
    /// What it says.
    pub(crate) fields: Query,
}

impl FromRequest<Ui> for Change {
    type Rejection = Refusal;

    async fn from_request(request: Request, ui: &Ui) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, ui).await?;
        let fields = read(&visit.caller.headers, Request::from_parts(parts, body)).await?;
        if !fields.get(FIELD).is_some_and(|text| visit.form.is_in(text)) {
            return Err(Refusal::foreign_form());
        }
        Ok(Self { visit, fields })
    }
}

impl Change {
    /// Writes down what was done.
    pub(crate) async fn record(&self, ui: &Parts, what: &str, detail: String) -> Result<(), Refusal> {
        record(ui, &self.visit.caller, &self.visit.name, what, detail).await
    }
}

/// Writes down what somebody did.
pub(crate) async fn record(
    ui: &Parts,
    caller: &Caller,
    who: &str,
    what: &str,
    detail: String,
) -> Result<(), Refusal> {
    let entry = AuditEntry {
        id: 0,
        at: hearback_event::Timestamp::now(),
        who: who.to_owned(),
        what: what.to_owned(),
        detail,
        remote: caller.remote.map(|address| address.to_string()),
    };
    ui.accounts.audit(entry).await?;
    Ok(())
}

/// A form of somebody who is not signed in yet: tied to the browser by a cookie.
pub(crate) struct Entrance {
    /// The request.
    pub(crate) caller: Caller,
    /// What it says.
    pub(crate) fields: Query,
}

impl FromRequest<Ui> for Entrance {
    type Rejection = Refusal;

    async fn from_request(request: Request, ui: &Ui) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let Ok(caller) = Caller::from_request_parts(&mut parts, ui).await;
        let fields = read(&caller.headers, Request::from_parts(parts, body)).await?;
        let key = auth::cookie(&caller.headers, auth::FORM).map(FormKey::of_cookie);
        let is_ours = key.zip(fields.get(FIELD)).is_some_and(|(key, text)| key.is_in(text));
        if is_ours { Ok(Self { caller, fields }) } else { Err(Refusal::foreign_form()) }
    }
}

async fn read(headers: &HeaderMap, request: Request) -> Result<Query, Refusal> {
    // Browsers say where a request comes from; who does not say it has the form's secret to show all the same.
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(Refusal::foreign_form());
    }
    let body: Bytes = Limited::new(request.into_body(), LONGEST)
        .collect()
        .await
        .map_err(|_| Refusal::foreign_form())?
        .to_bytes();
    let text = std::str::from_utf8(&body).map_err(|_| Refusal::foreign_form())?;
    Ok(Query::parse(text))
}
