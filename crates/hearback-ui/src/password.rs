//! Passwords: argon2id with the library's parameters (19 MiB, two passes), which are OWASP's, a few at a time.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

use crate::auth::random;

/// Fewer characters than this are guessed too soon.
pub(crate) const SHORTEST: usize = 10;
/// Longer ones are no passwords but an attack.
pub(crate) const LONGEST: usize = 500;
/// So many are computed at a time; each takes 19 MiB.
const AT_A_TIME: usize = 2;

/// Why a password cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is too short.
    #[error("a password has at least {SHORTEST} characters")]
    TooShort,
    /// It is too long.
    #[error("a password has at most {LONGEST} bytes")]
    TooLong,
    /// It could not be computed, for lack of memory.
    #[error("the password could not be hashed")]
    Failed,
}

/// The hash of a new password, as a PHC string. Takes some ten milliseconds of a processor.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < SHORTEST {
        return Err(PasswordError::TooShort);
    }
    if password.len() > LONGEST {
        return Err(PasswordError::TooLong);
    }
    hash(password)
}

fn hash(password: &str) -> Result<String, PasswordError> {
    let salt: [u8; 16] = random();
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|_| PasswordError::Failed)
}

fn verifies(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Computes hashes beside the threads that serve.
pub(crate) struct Hasher {
    permits: Arc<Semaphore>,
    /// Of a password that nobody has: compared where there is no user, so that it takes as long.
    nobody: String,
}

impl Hasher {
    pub(crate) fn new() -> Self {
        let secret: [u8; 32] = random();
        let nobody = hash(&data_encoding::HEXLOWER.encode(&secret)).unwrap_or_default();
        Self { permits: Arc::new(Semaphore::new(AT_A_TIME)), nobody }
    }

    /// Whether the password is the one of `hash`; never where there is none.
    pub(crate) async fn verify(&self, password: String, hash: Option<String>) -> bool {
        if password.len() > LONGEST {
            return false;
        }
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        self.compute(move || verifies(&password, &hash)).await.unwrap_or_default() && is_known
    }

    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.compute(move || hash_password(&password)).await.unwrap_or(Err(PasswordError::Failed))
    }

    async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _permit = self.permits.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_right() {
        let hasher = Hasher::new();
        let hash = hasher.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hash_password("correct horse").unwrap(), "each has a salt of its own");
        assert!(hasher.verify("correct horse".to_owned(), Some(hash.clone())).await);
        assert!(!hasher.verify("correct Horse".to_owned(), Some(hash)).await);
        assert!(!hasher.verify("correct horse".to_owned(), None).await);
        assert!(!hasher.verify("correct horse".to_owned(), Some("no hash".to_owned())).await);
        assert_eq!(hash_password("short"), Err(PasswordError::TooShort));
        assert_eq!(hash_password(&"x".repeat(501)), Err(PasswordError::TooLong));
    }
}
