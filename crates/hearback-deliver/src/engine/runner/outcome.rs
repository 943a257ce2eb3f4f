//! What comes of a try.

use hearback_event::Timestamp;
use hearback_store::{FailedPush, Fate, Outage, PushEnd};

use super::super::attempt::{Done, Void};
use super::super::queue::{Again, Job};
use super::{HOLD_MAX, Runner, STORE_PAUSE};
use crate::chance::chance;
use crate::parcel::{Failure, Outcome};
use crate::schedule::{later, until};

impl Runner {
    /// A try has ended.
    pub(super) fn finish(&mut self, done: Done) {
        let Done { job, was_probe, result } = done;
        if was_probe {
            self.probing = false;
        }
        let now = Timestamp::now();
        match result {
            Ok((outcome, took)) => {
                self.run.meters.tried(&outcome, took);
                match outcome {
                    Outcome::Taken => self.taken(&job, now),
                    Outcome::Failed(failure) => self.failed(&job, &failure, was_probe, now),
                }
            }
            Err(Void::Gone) => self.gone(&job, now),
            Err(Void::Unreadable(error)) => {
                self.store_failed(&error);
                self.put_back(&job, now);
            }
        }
        self.queue.ended(&job);
        self.unsaved.is_dirty = true;
    }

    pub(super) fn taken(&mut self, job: &Job, now: Timestamp) {
        if let Some(Outage { since, .. }) = self.breaker.succeeded() {
            self.to_tell = None;
            let lasted = until(since, now);
            tracing::info!(
                destination = self.name(),
                seconds = lasted.as_secs(),
                "the destination takes events again"
            );
        }
        self.hold_until = None;
        self.unsaved.last_success_at = Some(now);
        match job {
            Job::Fresh(records) => {
                for record in records {
                    self.run.live.delivered(record.position, now);
                    self.run.meters.arrived(record.received_at, now);
                }
                self.unsaved.delivered += records.len() as u64;
            }
            Job::Again(again) => {
                self.run.live.delivered(again.position, now);
                self.queue.again(again, None);
                self.unsaved.recovered(again.position);
                self.unsaved.delivered += 1;
            }
        }
    }

    pub(super) fn failed(&mut self, job: &Job, failure: &Failure, was_probe: bool, now: Timestamp) {
        tracing::debug!(
            destination = self.name(),
            status = failure.status,
            why = failure.why,
            "a push failed"
        );
        self.unsaved.last_failure = Some((now, failure.why.clone()));
        match job {
            Job::Fresh(records) => {
                for record in records {
                    let push = self.failed_push(record.position, 1, now, failure, now);
                    self.queue.wait(&push, record.message_id());
                    self.unsaved.failed(push);
                }
            }
            Job::Again(again) => {
                let push =
                    self.failed_push(again.position, again.attempts + 1, again.first_failed, failure, now);
                self.queue.again(again, Some(push.clone()));
                self.unsaved.failed(push);
            }
        }
        if failure.gone {
            self.disable(failure, now);
        } else if self.breaker.failed(
            &self.run.destination.breaker,
            job.first_position(),
            was_probe,
            now,
            chance(),
        ) {
            tracing::warn!(
                destination = self.name(),
                why = failure.why,
                "the destination takes nothing any more; it is probed now and then"
            );
            self.to_tell = Some((now, failure.why.clone()));
        }
        if let (Some(429 | 503), Some(wanted)) = (failure.status, failure.retry_after) {
            self.hold_until = Some(later(now, wanted.min(HOLD_MAX)));
        }
    }

    /// The receiver said that it is gone for good. Nothing is lost: the events wait until a person resumes it.
    pub(super) fn disable(&mut self, failure: &Failure, now: Timestamp) {
        tracing::warn!(
            destination = self.name(),
            why = failure.why,
            "the destination is gone for good; `hearback destinations resume` tries it again"
        );
        self.is_held = true;
        self.unsaved.disabled = Some((now, failure.why.clone()));
        self.to_tell = Some((now, failure.why.clone()));
    }

    pub(super) fn failed_push(
        &self,
        position: u64,
        attempts: u32,
        first_failed: Timestamp,
        failure: &Failure,
        now: Timestamp,
    ) -> FailedPush {
        let schedule = &self.run.destination.schedule;
        let fate = match schedule.next_try(attempts, now, failure.retry_after, chance()) {
            // What the receiver refuses because it is gone is tried when a person says that it is back.
            _ if failure.gone => Fate::Waits { next_try: now },
            Some(next_try) => Fate::Waits { next_try },
            None => Fate::Ended { at: now, why: PushEnd::GaveUp },
        };
        let (status, error) = (failure.status, failure.why.clone());
        FailedPush { position, attempts, first_failed, last_try: Some(now), status, error, fate }
    }

    /// An event that is no more: what waits for it has ended in the store, or ends now.
    pub(super) fn gone(&mut self, job: &Job, now: Timestamp) {
        let Job::Again(again) = job else { return };
        self.queue.again(again, None);
        self.unsaved.failed(FailedPush {
            fate: Fate::Ended { at: now, why: PushEnd::Dropped },
            ..as_failed(again, now)
        });
    }

    /// What could not be tried waits a little, without a try used up.
    pub(super) fn put_back(&mut self, job: &Job, now: Timestamp) {
        if let Job::Again(again) = job {
            let push = as_failed(again, later(now, STORE_PAUSE));
            self.queue.again(again, Some(push));
        }
    }
}

fn as_failed(again: &Again, next_try: Timestamp) -> FailedPush {
    FailedPush {
        position: again.position,
        attempts: again.attempts,
        first_failed: again.first_failed,
        last_try: None,
        status: None,
        error: "the event is no more".to_owned(),
        fate: Fate::Waits { next_try },
    }
}
