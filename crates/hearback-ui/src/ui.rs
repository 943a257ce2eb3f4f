//! What all pages share.

use std::sync::Arc;

use hearback_deliver::Destinations;
use hearback_event::Timestamp;
use hearback_server::Source;
use hearback_store::{Accounts, Store};
use parking_lot::Mutex;

use crate::auth::Attempts;
use crate::link::Links;
use crate::pages::home::{By, Ranked};
use crate::password::Hasher;
use crate::recent::Recent;
use crate::{Options, SignInLink};

/// The interface over a store. Cheap to clone.
#[derive(Clone)]
pub struct Ui(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) accounts: Arc<dyn Accounts>,
    pub(crate) sources: Vec<Arc<Source>>,
    pub(crate) destinations: Destinations,
    pub(crate) options: Options,
    pub(crate) links: Mutex<Links>,
    pub(crate) hasher: Hasher,
    pub(crate) attempts: Attempts,
    /// Of this process only: what the forms of people whom a proxy names are signed with.
    pub(crate) secret: [u8; 32],
    /// Domains and tags by how badly they fare.
    pub(crate) rankings: Recent<(By, Timestamp), Vec<Ranked>>,
}

impl Ui {
    /// Over these; `sources` and `destinations` are the configured ones.
    pub fn new(
        store: Arc<dyn Store>,
        accounts: Arc<dyn Accounts>,
        sources: Vec<Arc<Source>>,
        destinations: Destinations,
        options: Options,
    ) -> Self {
        Self(Arc::new(Parts {
            store,
            accounts,
            sources,
            destinations,
            options,
            links: Mutex::new(Links::default()),
            hasher: Hasher::new(),
            attempts: Attempts::new(),
            secret: crate::auth::random(),
            rankings: Recent::default(),
        }))
    }

    /// Makes a link with which the first user can be made. It works once, in this process, and only while there is no user.
    pub fn link_for_first_user(&self) -> SignInLink {
        self.0.links.lock().for_first_user()
    }

    /// Makes a link that signs in as a user, as often as it is used while this process runs: for demonstrations.
    pub fn link_for(&self, user_id: u64) -> SignInLink {
        self.0.links.lock().for_user(user_id)
    }
}
