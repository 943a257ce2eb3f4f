//! Links that let somebody in without a password: the first user of all, and the guest of a demonstration.
//!
//! They live in this process, so that nothing is left of them when it ends. Only their hashes are kept.

use hearback_providers::crypto;

use crate::auth::fresh_token;

/// A link's path with its secret, to be printed once.
pub struct SignInLink(String);

impl SignInLink {
    /// The path, `/welcome?token=...`.
    pub fn path(&self) -> &str {
        &self.0
    }
}

/// What a link is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    FirstUser,
    User(u64),
}

/// The links that are valid.
#[derive(Default)]
pub(crate) struct Links(Vec<([u8; 32], Purpose)>);

impl Links {
    pub(crate) fn for_first_user(&mut self) -> SignInLink {
        self.add(Purpose::FirstUser)
    }

    pub(crate) fn for_user(&mut self, id: u64) -> SignInLink {
        self.add(Purpose::User(id))
    }

    fn add(&mut self, purpose: Purpose) -> SignInLink {
        let token = fresh_token();
        self.0.push((hash(&token), purpose));
        SignInLink(format!("/welcome?token={token}"))
    }

    /// What the link is good for; every link is compared, so that the time says nothing.
    pub(crate) fn purpose(&self, token: &str) -> Option<Purpose> {
        let hash = hash(token);
        let mut found = None;
        for (known, purpose) in &self.0 {
            if crypto::equal(known, &hash) {
                found = Some(*purpose);
            }
        }
        found
    }

    /// Forgets the links for the first user: there is one now.
    pub(crate) fn first_user_is_there(&mut self) {
        self.0.retain(|(_, purpose)| *purpose != Purpose::FirstUser);
    }
}

fn hash(token: &str) -> [u8; 32] {
    crypto::sha256(&[b"link", token.as_bytes()])
}
