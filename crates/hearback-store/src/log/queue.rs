//! The queue in front of the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::payload::Training;
use super::seal::Prepared;
use super::stage::Staged;
use crate::session::Session;
use crate::{Receipt, StoreError};

/// Answers a piece of work after its transaction.
pub(super) type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// A small write that is no event: it runs inside the batch's transaction.
pub(super) type Work = Box<dyn FnOnce(&dyn Session) -> Finish + Send>;

/// What is done with the writer itself.
pub(super) type Apart = Box<dyn FnOnce(&mut super::journal::Writer) + Send>;

/// What the writer is told.
pub(super) enum Command {
    Submit(Box<Staged>, oneshot::Sender<Result<Receipt, StoreError>>),
    Work(Work),
    /// Enough requests of a provider for a dictionary of its own were trained on.
    Dictionary(Arc<str>, Vec<u8>),
    /// A full period is sorted.
    Prepared(Result<Box<Prepared>, StoreError>),
    /// Work with the writer itself, in transactions of its own.
    Apart(Apart),
    /// Throw the projections away and make them anew.
    Rebuild(Box<dyn Fn(u64, u64) + Send>, oneshot::Sender<Result<(), StoreError>>),
    Close(oneshot::Sender<()>),
}

/// The queue in front of the writer.
pub(super) struct Queue {
    sender: mpsc::Sender<Command>,
    waiting_bytes: AtomicUsize,
    bytes_max: usize,
}

impl Queue {
    /// A queue for so many commands and bytes, and its other end.
    pub(super) fn new(length: usize, bytes_max: usize) -> (Self, mpsc::Receiver<Command>) {
        let (sender, receiver) = mpsc::channel(length);
        (Self { sender, waiting_bytes: AtomicUsize::new(0), bytes_max }, receiver)
    }

    /// Puts a request into the queue, or says at once that it is full.
    pub(super) fn submit(
        &self,
        staged: Staged,
    ) -> Result<oneshot::Receiver<Result<Receipt, StoreError>>, StoreError> {
        let bytes = staged.weight();
        if self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.bytes_max {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(StoreError::Overloaded);
        }
        let (reply, answer) = oneshot::channel();
        self.send(Command::Submit(Box::new(staged), reply)).inspect_err(|_| {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        })?;
        Ok(answer)
    }

    /// Puts any command into the queue.
    pub(super) fn send(&self, command: Command) -> Result<(), StoreError> {
        self.sender.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => StoreError::Stopped,
        })
    }

    /// A way to put commands in from elsewhere.
    pub(super) fn sender(&self) -> mpsc::Sender<Command> {
        self.sender.clone()
    }

    /// Trains a dictionary on another thread and hands it to the writer.
    pub(super) fn train(&self, training: Training) {
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            if let Some((provider, dictionary)) = training.train()
                && sender.blocking_send(Command::Dictionary(provider, dictionary)).is_err()
            {
                tracing::debug!("the journal stopped before a dictionary was stored");
            }
        });
    }

    /// Waiting commands and room for commands.
    pub(super) fn depth(&self) -> (u64, u64) {
        let (room, capacity) = (self.sender.capacity(), self.sender.max_capacity());
        ((capacity - room) as u64, capacity as u64)
    }

    /// A request has left the queue.
    pub(super) fn took(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
