//! How the receiving of webhooks is described. It is no route of the router, because it is the hot path.

use std::collections::BTreeMap;

use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, OpenApi, ToSchema};

use crate::openapi::problem;
use crate::problem::Problem;

/// Receive a webhook
///
/// What the provider posts, in its own form, signed in its own way: see the README for each provider's URL and key. The
/// answer leaves when the events are on disk. The codes follow what each provider understands: on our own fault the one on
/// which it tries again, on a wrong signature its final one. Some providers check a URL with `GET` or `HEAD` first; those
/// probes are answered too.
#[utoipa::path(
    post,
    path = "/webhooks/{source}",
    operation_id = "receiveWebhook",
    tag = "webhooks",
    params(("source" = String, Path, description = "The name of a configured source.", example = "mailgun-eu")),
    request_body(
        description = "The request as the provider makes it, at most 5 MiB (25 MiB with inbound mail).",
        content(
            (serde_json::Value = "application/json"),
            (String = "application/x-www-form-urlencoded"),
            (String = "multipart/form-data"),
        ),
    ),
    responses(
        (status = 200, description = "On disk, or known already.", content(
            (Accepted = "application/json", example = json!({"success": true})),
            (String = "text/xml", example = json!("<Response/>")),
        )),
        Denials,
    ),
)]
#[expect(dead_code, reason = "carries the description")]
fn receive() {}

/// The answer to what was accepted, unless the provider wants another.
#[derive(ToSchema)]
#[schema(as = WebhookAccepted)]
#[expect(dead_code, reason = "carries the description")]
struct Accepted {
    /// Always true.
    success: bool,
}

/// Whatever keeps a request from being stored.
struct Denials;

impl IntoResponses for Denials {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let refused = || Problem::new(403, "refused", "Refused", "the request could not be authenticated");
        let all = [
            (400, "It cannot be read, so it cannot be verified.", None),
            (401, "It is not genuine, for providers that stop on 401.", None),
            (403, "It is not genuine, for providers that stop on 403.", Some(refused())),
            (
                404,
                "There is no such source; or the message is unknown, at a source that takes known ones only.",
                None,
            ),
            (405, "The source does not take this method.", None),
            (408, "It did not come in whole in time.", None),
            (413, "The body is too long, nested too deep, or has too many fields.", None),
            (415, "The body is compressed.", None),
            (429, "More requests per second than the source allows.", None),
            (503, "Our own fault, or too much waits. To be sent again after `retry-after` seconds.", None),
        ];
        let answer = |(status, about, example): (u16, &str, _)| {
            (status.to_string(), RefOr::T(problem(about, example).build()))
        };
        all.into_iter().map(answer).collect()
    }
}

/// The description of what providers post to.
pub(crate) fn described() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(receive))]
    struct Webhooks;
    Webhooks::openapi()
}
