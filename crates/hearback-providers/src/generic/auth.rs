//! Whether a request is genuine: a list of checks of which all, or any, must pass.

use hearback_event::Timestamp;
use http::HeaderName;
use ipnet::IpNet;

use super::document::Shape;
use super::signature::Signature;
use super::source::Source;
use crate::{Credential, Proof, Refusal, Request, Secret, crypto};

/// How many of the checks must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    All,
    Any,
}

/// One way to know the sender.
#[derive(Debug)]
pub(super) enum Check {
    /// A signature over the content.
    Signature(Box<Signature>),
    /// User and password; each text is `user:password`.
    Basic(Vec<Secret>),
    /// A secret in a header, after a fixed text such as `Bearer `.
    Header { name: HeaderName, prefix: String, values: Vec<Secret> },
    /// A secret in the query.
    Query { parameter: String, values: Vec<Secret> },
    /// The sender's address is in one of the networks.
    Networks(Vec<IpNet>),
}

/// The checks of an endpoint.
#[derive(Debug)]
pub(super) struct Auth {
    pub(super) mode: Mode,
    pub(super) checks: Vec<Check>,
}

impl Auth {
    /// Runs the checks. Without any (which must be allowed explicitly) everything passes.
    pub(super) fn verify(
        &self,
        request: &Request<'_>,
        shape: &Shape,
        now: Timestamp,
    ) -> Result<Proof, Refusal> {
        if self.checks.is_empty() {
            return Ok(Proof { unchecked: true, ..Proof::default() });
        }
        let mut results = self.checks.iter().map(|check| check.verify(request, shape, now));
        match self.mode {
            Mode::All => results.try_fold(Proof::default(), |sum, result| {
                result.map(|proof| Proof { replay_token: sum.replay_token.or(proof.replay_token), ..sum })
            }),
            Mode::Any => any(results),
        }
    }

    /// What stands in a request.
    pub(super) fn credentials(&self) -> Vec<Credential> {
        let credential = |check: &Check| match check {
            Check::Basic(pairs) => Some(Credential::basic(pairs.iter().map(Secret::expose))),
            Check::Header { name, prefix, values } => Some(Credential::header(name, prefix, values)),
            Check::Query { parameter, values } => Some(Credential::query(parameter, values)),
            Check::Signature(_) | Check::Networks(_) => None,
        };
        self.checks.iter().filter_map(credential).collect()
    }

    /// Whether a value outside the body is covered by some signature, so that nobody can change it.
    pub(super) fn signs(&self, source: &Source) -> bool {
        self.checks.iter().any(|check| match check {
            Check::Signature(signature) => signature.signs(source),
            _ => false,
        })
    }
}

/// The first success; else the refusal that says most: a credential that is wrong tells more than one that is absent.
fn any(results: impl Iterator<Item = Result<Proof, Refusal>>) -> Result<Proof, Refusal> {
    let mut told: Option<Refusal> = None;
    for result in results {
        match (result, &told) {
            (Ok(proof), _) => return Ok(proof),
            (Err(refusal), None | Some(Refusal::MissingSignature(_))) => told = Some(refusal),
            (Err(_), Some(_)) => {}
        }
    }
    told.map_or_else(|| Ok(Proof::default()), Err)
}

impl Check {
    fn verify(&self, request: &Request<'_>, shape: &Shape, now: Timestamp) -> Result<Proof, Refusal> {
        match self {
            Self::Signature(signature) => signature.check(request, shape, now),
            Self::Basic(pairs) => {
                let given = basic(request).ok_or(Refusal::MissingSignature("no user and password"))?;
                matches_any(&given, pairs)
            }
            Self::Header { name, prefix, values } => {
                let given = request.headers.get(name).and_then(|value| strip(value.as_bytes(), prefix));
                matches_any(given.ok_or(Refusal::MissingSignature("no secret in the header"))?, values)
            }
            Self::Query { parameter, values } => {
                let given = request.query_value(parameter).filter(|value| !value.is_empty());
                let given = given.ok_or(Refusal::MissingSignature("no secret in the query"))?;
                matches_any(given.as_bytes(), values)
            }
            Self::Networks(networks) => {
                let inside = request.remote.is_some_and(|remote| {
                    networks.iter().any(|network| network.contains(&remote.to_canonical()))
                });
                if inside { Ok(Proof::default()) } else { Err(Refusal::NetworkNotAllowed) }
            }
        }
    }
}

fn matches_any(given: &[u8], secrets: &[Secret]) -> Result<Proof, Refusal> {
    // All are compared, so that the time does not tell which one is right.
    let right = secrets.iter().filter(|secret| crypto::equal(given, secret.expose().as_bytes())).count();
    if right > 0 { Ok(Proof::default()) } else { Err(Refusal::BadSignature) }
}

/// `user:password` of the `Authorization` header.
fn basic(request: &Request<'_>) -> Option<Vec<u8>> {
    let (scheme, encoded) = request.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    crypto::base64_decode(encoded.trim())
}

/// What follows `prefix`, whose letters compare without case (`Bearer `, `bearer `).
fn strip<'a>(value: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    let (head, rest) = value.split_at_checked(prefix.len())?;
    (head.eq_ignore_ascii_case(prefix.as_bytes()) && !rest.is_empty()).then_some(rest)
}
