//! Away from async code: a blocking connection waits on a runtime of its own, which no thread of another runtime may.

use tokio::runtime::Handle;

/// Runs `work` on this thread, or on one of its own where this one belongs to a runtime.
pub(super) fn outside_of_async<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if Handle::try_current().is_err() {
        return work();
    }
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
