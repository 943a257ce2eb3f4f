//! What a person says of an alert. It stands in the audit log.

use axum::extract::{Path, State};
use hearback_event::AlertState;
use hearback_store::{AlertChange, Role};

use super::one::missing;
use crate::answer;
use crate::change::Change;
use crate::refusal::Outcome;
use crate::ui::Ui;
use crate::url::Query;

/// `POST /alerts/{id}/acknowledge`: somebody has seen it.
pub(crate) async fn acknowledge(State(ui): State<Ui>, Path(id): Path<String>, change: Change) -> Outcome {
    make(&ui, &id, &change, AlertChange::Acknowledge, "alert.acknowledge").await
}

/// `POST /alerts/{id}/resolve`: it is over.
pub(crate) async fn resolve(State(ui): State<Ui>, Path(id): Path<String>, change: Change) -> Outcome {
    make(&ui, &id, &change, AlertChange::Resolve, "alert.resolve").await
}

async fn make(ui: &Ui, id: &str, change: &Change, what: AlertChange, word: &str) -> Outcome {
    let ui = &*ui.0;
    change.visit.require(Role::Operator)?;
    let id: u64 = id.parse().map_err(|_| missing())?;
    let by = change.visit.name.clone();
    let item = ui.store.change_alert(id, what, by, change.visit.now).await?.ok_or_else(missing)?;
    change.record(ui, word, format!("{id}, {}", item.rule)).await?;
    let said = match (what, item.state) {
        (AlertChange::Acknowledge, AlertState::Resolved) => "It was over already",
        (AlertChange::Acknowledge, _) => "Acknowledged: it stays until it is over",
        (AlertChange::Resolve, _) => "Resolved: when it happens again, it is another alert",
    };
    Ok(answer::redirect(&Query::default().with("said", said).of(&format!("/alerts/{id}")), []))
}
