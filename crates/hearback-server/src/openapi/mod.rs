//! The description of the whole HTTP side as OpenAPI 3.1, and the pages made of it.
//!
//! Made from the handlers and the types that they answer with: routes are made of described handlers, known parameters
//! are the described ones ([`crate::api`]'s `query`), examples are real answers ([`crate::api::examples`]). `docs/openapi.json` is a
//! snapshot of it, so that a change is seen in review.

mod answers;
mod document;
mod kind;
mod page;
mod serve;
mod tighten;

pub(crate) use answers::{NotFound, NotReady, NotSent, Refusals, Unchanged, problem};
pub(crate) use document::document;
pub(crate) use serve::{PATHS, router};
