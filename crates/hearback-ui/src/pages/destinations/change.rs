//! What a person does to a destination. Each of it stands in the audit log.

use axum::extract::{Path, State};
use axum::response::Response;
use hearback_deliver::{Outcome as Pushed, Redrive};
use hearback_event::Timestamp;
use hearback_store::{DestinationControl, Role};

use super::events_word;
use super::one::{Tested, WHICH, missing, page};
use crate::answer;
use crate::change::Change;
use crate::refusal::{Outcome, Refusal};
use crate::ui::{Parts, Ui};
use crate::url::{Query, segment};

/// Back to the page of a destination, with words about what was done.
fn done(name: &str, said: &str) -> Response {
    let path = format!("/destinations/{}", segment(name));
    answer::redirect(&Query::default().with("said", said).of(&path), [])
}

async fn control(ui: &Parts, name: &str, control: DestinationControl) -> Outcome<()> {
    if ui.destinations.control(name, control).await? { Ok(()) } else { Err(missing()) }
}

/// `POST /destinations/{name}/pause`
pub(crate) async fn pause(State(ui): State<Ui>, Path(name): Path<String>, change: Change) -> Outcome {
    change.visit.require(Role::Operator)?;
    control(&ui.0, &name, DestinationControl::Pause).await?;
    change.record(&ui.0, "destination.pause", name.clone()).await?;
    Ok(done(&name, "Paused: nothing is pushed, and nothing is lost"))
}

/// `POST /destinations/{name}/resume`
pub(crate) async fn resume(State(ui): State<Ui>, Path(name): Path<String>, change: Change) -> Outcome {
    change.visit.require(Role::Operator)?;
    control(&ui.0, &name, DestinationControl::Resume).await?;
    change.record(&ui.0, "destination.resume", name.clone()).await?;
    Ok(done(&name, "Resumed: what waited is pushed now"))
}

/// `POST /destinations/{name}/redrive`: what was counted before is pushed once more.
pub(crate) async fn redrive(State(ui): State<Ui>, Path(name): Path<String>, change: Change) -> Outcome {
    change.visit.require(Role::Operator)?;
    let word = change.fields.get("which").unwrap_or_default();
    let Some((word, _, which)) = WHICH.iter().find(|(known, ..)| *known == word) else {
        return Err(Refusal::bad("The form does not say what is to be pushed again."));
    };
    let since = change.fields.get("since").map(str::parse::<Timestamp>).transpose();
    let since = since.map_err(|_| Refusal::bad("The form says no moment from which on to push again."))?;
    let redrive = Redrive { which: *which, kinds: Vec::new(), since, dry_run: false };
    let count = ui.0.destinations.redrive(&name, &redrive).await?.ok_or_else(missing)?;
    let events = events_word(count);
    change.record(&ui.0, "destination.redrive", format!("{name}: {word}, {events}")).await?;
    Ok(done(&name, &format!("{events} pushed once more")))
}

/// `POST /destinations/{name}/test`: pushes an event that is made up, and says what came of it.
pub(crate) async fn test(State(ui): State<Ui>, Path(name): Path<String>, change: Change) -> Outcome {
    change.visit.require(Role::Operator)?;
    let (pushed, took) = ui.0.destinations.test(&name).await.ok_or_else(missing)?;
    let took = took.as_millis();
    let tested = match pushed {
        Pushed::Taken => Tested {
            status: "ok",
            icon: "delivered",
            head: "The test was taken.",
            words: format!("A made-up event arrived within {took} ms."),
        },
        Pushed::Failed(failure) => Tested {
            status: "failed",
            icon: "failed",
            head: "The test was not taken.",
            words: format!("After {took} ms: {}.", change.visit.eyes.text(&failure.why)),
        },
    };
    change.record(&ui.0, "destination.test", format!("{name}: {}", tested.words)).await?;
    page(&ui.0, &change.visit, &name, &Query::default(), Some(tested)).await
}
