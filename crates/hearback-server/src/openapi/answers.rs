//! Answers that many operations have in common.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Header, Ref, RefOr};

use crate::problem::Problem;

/// What may be answered to any question: the request is not understood, the token is missing or too weak, the store
/// cannot answer now.
pub(crate) struct Refusals;

/// The thing that the path names is not there.
pub(crate) struct NotFound;

/// The caller has the answer already.
pub(crate) struct Unchanged;

/// The store cannot be written now.
pub(crate) struct NotReady;

/// The message was not sent now.
pub(crate) struct NotSent;

impl IntoResponses for NotSent {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let suppressed = Problem::new(
            409,
            "suppressed",
            "The recipient must not be sent to",
            "alice@example.com is suppressed since 2026-11-20T10:02:11Z (bounced, told by mailgun-eu)",
        )
        .about("to", "an address that is not suppressed, or `send_to_suppressed`: true");
        let refused = Problem::new(
            422,
            "refused_by_provider",
            "The provider refuses the message",
            "the provider refuses it: invalid_recipient",
        );
        let unknown = Problem::new(
            504,
            "outcome_unknown",
            "Nobody knows whether it was sent",
            "sending was begun at 2026-11-20T10:02:04Z, its outcome is not known: no answer in time",
        );
        let of = |status: &str, description: &str, example| {
            (status.to_owned(), problem(description, Some(example)).into())
        };
        [
            of("409", "Nothing was sent: the recipient is suppressed, or the key was used before and a repeat could send it twice.", suppressed),
            of("422", "The provider will not send it; a repeat is answered the same.", refused),
            of("504", "The provider was asked, and nobody knows what it did.", unknown),
        ]
        .into()
    }
}

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let of = |status: &str, name: &str| (status.to_owned(), Ref::from_response_name(name).into());
        [of("400", "BadRequest"), of("401", "Unauthorised"), of("403", "Forbidden"), of("503", "TryAgain")]
            .into()
    }
}

impl IntoResponses for NotFound {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [("404".to_owned(), Ref::from_response_name("NotFound").into())].into()
    }
}

impl IntoResponses for Unchanged {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [("304".to_owned(), Ref::from_response_name("Unchanged").into())].into()
    }
}

impl IntoResponses for NotReady {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let example = Problem::new(503, "overloaded", "Not ready", "the store: overloaded");
        [("503".to_owned(), problem("It cannot now.", Some(example)).into())].into()
    }
}

/// The answers behind the names above, each with a real example.
pub(super) fn all() -> Vec<(&'static str, RefOr<Response>)> {
    let try_again = problem(
        "The store cannot answer now; `retry-after` says in how many seconds to ask again.",
        Some(Problem::try_again(503, 5, "the store cannot answer now: overloaded")),
    );
    let try_again = try_again.header("retry-after", header(Type::Integer, "Seconds."));
    let unauthorised = problem(
        "There is no token, or it is not known.",
        Some(
            Problem::new(401, "unauthorised", "A token is needed", "this token is not known, or was removed")
                .about("authorization", "Bearer hb_..., a token that `hearback token create` made"),
        ),
    );
    let unauthorised = unauthorised.header("www-authenticate", header(Type::String, "`Bearer`."));
    let forbidden =
        Problem::new(403, "forbidden", "Not allowed", "the scope `write` is needed, this token has `read`")
            .about("authorization", "a token with the scope `write`");
    let bad = Problem::bad_field(
        "limit",
        "a number from 1 to 1000",
        "`limit` is 0; expected a number from 1 to 1000",
    );
    let missing = Problem::not_found(
        "id",
        "the id of an event that is stored, evt_...",
        "there is no event of this id",
    );
    let unchanged = ResponseBuilder::new()
        .description("What the caller has (`If-None-Match`) still holds.")
        .header("etag", header(Type::String, "The same again."));
    vec![
        ("Unchanged", unchanged.into()),
        ("BadRequest", problem("The request is not understood; `field` says where.", Some(bad)).into()),
        ("Unauthorised", unauthorised.into()),
        ("Forbidden", problem("The token's scope is too small.", Some(forbidden)).into()),
        ("NotFound", problem("It is not there.", Some(missing)).into()),
        ("TryAgain", try_again.into()),
    ]
}

/// An answer that is a problem document.
pub(crate) fn problem(description: &str, example: Option<Problem>) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Problem");
    let content =
        Content::builder().schema(Some(schema)).example(example.and_then(|problem| problem.json())).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content)
}

fn header(kind: Type, description: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(kind);
    Header::builder().schema(Some(schema)).description(Some(description)).build()
}
