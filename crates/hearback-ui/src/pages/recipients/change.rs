//! Suppressing a recipient by hand, and lifting it.

use axum::extract::{Path, State};
use hearback_event::Address;
use hearback_store::Role;

use crate::answer;
use crate::change::Change;
use crate::refusal::{Outcome, Refusal};
use crate::ui::Ui;
use crate::url::{Query, segment};

/// `POST /recipients/{address}`: suppresses it, or lifts that.
pub(crate) async fn change(State(ui): State<Ui>, Path(text): Path<String>, change: Change) -> Outcome {
    let ui = &*ui.0;
    change.visit.require(Role::Operator)?;
    let address = Address::parse(&text).map_err(|_| Refusal::not_found("This is no address."))?;
    let reason = change.fields.get("reason").filter(|reason| reason.len() <= 500);
    let by = &change.visit.name;
    let said = match change.fields.get("do") {
        Some("lift") => match hearback_server::lift_by_hand(&*ui.store, &address, by, reason).await? {
            Some(was) => {
                change
                    .record(ui, "suppression.lift", format!("{}, was {}", address.masked(), was.reason))
                    .await?;
                "The suppression is lifted. The provider's own list is not changed."
            }
            None => "The address was not suppressed.",
        },
        Some("suppress") => {
            hearback_server::suppress_by_hand(&*ui.store, std::slice::from_ref(&address), by, reason).await?;
            change.record(ui, "suppression.add", address.masked()).await?;
            "The address is suppressed."
        }
        _ => return Err(Refusal::bad("The form says neither to suppress nor to lift.")),
    };
    let path = format!("/recipients/{}", segment(address.as_str()));
    Ok(answer::redirect(&Query::default().with("said", said).of(&path), []))
}
