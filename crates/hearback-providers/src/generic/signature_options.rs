//! Reading the settings of a signature.

use super::auth::Check;
use super::auth_options::SHORTEST_SECRET;
use super::content::{Content, Variable};
use super::extract::Extract;
use super::moment::Unit;
use super::signature::{Encoding, Place, Signature, Stamp, Verifiers};
use super::source::header_name;
use super::table::{Problems, Table};
use crate::Secret;
use crate::crypto::{Hash, HmacKey, PublicKey, PublicKeyKind};

const DEFAULT_TOLERANCE: u64 = 300;
const LONGEST_TOLERANCE: u64 = 365 * 86_400;

/// Reads a check of kind `hmac`.
pub(super) fn hmac(item: &mut Table, by_query: bool, problems: &mut Problems) -> Option<Check> {
    let hash = algorithm(item, problems);
    let encodings = [
        ("utf8", Encoding::Utf8),
        ("hex", Encoding::Hex),
        ("base64", Encoding::Base64),
        ("base64url", Encoding::Base64Url),
    ];
    let encoding = item.choice("secret_encoding", &encodings, problems)?;
    let prefix = item.text("secret_prefix", problems).unwrap_or_default();
    let secrets = item.secrets("secrets", problems);
    let path = item.path("secrets");
    let keys = secrets.iter().filter_map(|secret| {
        let bytes = problems.keep(&path, secret_bytes(secret, &prefix, encoding))?;
        if bytes.len() < SHORTEST_SECRET {
            problems.warn(&path, "a secret is shorter than 16 bytes: easily guessed");
        }
        Some(HmacKey::new(hash, &bytes))
    });
    let keys: Vec<_> = keys.collect();
    signature(Verifiers::Hmac(keys), item, by_query, problems)
}

fn algorithm(item: &mut Table, problems: &mut Problems) -> Hash {
    const WORDS: &[(&str, Hash)] =
        &[("sha256", Hash::Sha256), ("sha512", Hash::Sha512), ("sha384", Hash::Sha384), ("sha1", Hash::Sha1)];
    let word = item.text("algorithm", problems).unwrap_or_else(|| "sha256".to_owned());
    let found = WORDS.iter().find(|(known, _)| *known == word).map(|(_, hash)| *hash);
    if found.is_none() {
        let md5 = if word == "md5" { "MD5 is not supported; " } else { "" };
        let problem = format!("{md5}expected one of: sha256, sha512, sha384, sha1");
        problems.error(&item.path("algorithm"), problem);
    }
    found.unwrap_or(Hash::Sha256)
}

/// The bytes of a secret. Messages never show it.
pub(super) fn secret_bytes(secret: &Secret, prefix: &str, encoding: Encoding) -> Result<Vec<u8>, String> {
    let text = secret.expose();
    let text = text.strip_prefix(prefix).unwrap_or(text);
    let bytes = encoding
        .decode(text)
        .ok_or_else(|| format!("a secret is not {}", format!("{encoding:?}").to_lowercase()))?;
    if bytes.is_empty() { Err("a secret is empty after its prefix".to_owned()) } else { Ok(bytes) }
}

/// Reads a check with public keys.
pub(super) fn public(
    kind: PublicKeyKind,
    item: &mut Table,
    by_query: bool,
    problems: &mut Problems,
) -> Option<Check> {
    let texts = item.texts("public_key", problems).unwrap_or_default();
    let texts: Vec<_> = texts.iter().filter(|text| !text.trim().is_empty()).collect();
    let path = item.path("public_key");
    if texts.is_empty() {
        problems.error(&path, "no public key is set, or it is empty");
    }
    let keys = texts.into_iter().filter_map(|text| {
        problems.keep(&path, PublicKey::parse(kind, text).map_err(|error| error.to_string()))
    });
    let keys = keys.collect();
    signature(Verifiers::Public(keys), item, by_query, problems)
}

/// The settings that all signatures have.
fn signature(
    verifiers: Verifiers,
    item: &mut Table,
    by_query: bool,
    problems: &mut Problems,
) -> Option<Check> {
    let (hex, base64) = (("hex", Encoding::Hex), ("base64", Encoding::Base64));
    let encodings = match &verifiers {
        Verifiers::Hmac(_) => [hex, base64, ("base64url", Encoding::Base64Url)],
        Verifiers::Public(_) => [base64, hex, ("base64url", Encoding::Base64Url)],
    };
    let encoding = item.choice("encoding", &encodings, problems)?;
    let extract = item.take("extract");
    let extract = problems.keep(&item.path("extract"), Extract::read(extract));
    let header = signature_header(extract.as_ref(), item, problems);
    let content = item.text("content", problems).unwrap_or_else(|| "{body}".to_owned());
    let content = problems.keep(&item.path("content"), Content::parse(&content));
    let mut place = |name, item: &mut Table| {
        let text = item.text(name, problems)?;
        problems.keep(&item.path(name), Place::parse(&text, extract.as_ref()))
    };
    let (id, nonce) = (place("id", item), place("nonce", item));
    let block = item.table("timestamp", problems);
    let mut stamp = block.and_then(|block| stamp(block, extract.as_ref(), content.as_ref(), problems));
    let content = content?;
    let settings = [
        (Variable::Timestamp, "timestamp", stamp.is_some()),
        (Variable::Id, "id", id.is_some()),
        (Variable::Nonce, "nonce", nonce.is_some()),
    ];
    for (variable, name, is_set) in settings {
        if content.uses(&variable) && !is_set {
            let problem =
                format!("`content` uses `{{{name}}}`, so say where it stands: `header:Name` or the like");
            problems.error(&item.path(name), problem);
        }
    }
    if by_query && !content.covers_query() {
        problems.warn(&item.path("content"), "the query is not signed: who sees one GET can make others");
    } else if !by_query && !content.covers_body() {
        problems.warn(&item.path("content"), "the body is not signed: who sees one request can make others");
    }
    if let Some(stamp) = &mut stamp
        && content.uses(&Variable::Timestamp)
    {
        stamp.required = true;
    }
    Some(Check::Signature(Box::new(Signature {
        verifiers,
        header,
        extract: extract?,
        encoding,
        content,
        stamp,
        id,
        nonce,
    })))
}

fn signature_header(
    extract: Option<&Extract>,
    item: &mut Table,
    problems: &mut Problems,
) -> Option<http::HeaderName> {
    if matches!(extract, Some(Extract::JsonField(_))) {
        if item.take("header").is_some() {
            problems.error(&item.path("header"), "with `json_field` the signature is in the body; drop this");
        }
        return None;
    }
    let name = item.required("header", "the name of the header that holds the signature", problems)?;
    problems.keep(&item.path("header"), header_name(&name))
}

/// Reads the `timestamp` block. An age limit on a time that nobody signed protects from nothing, so it is dropped.
fn stamp(
    mut block: Table,
    extract: Option<&Extract>,
    content: Option<&Content>,
    problems: &mut Problems,
) -> Option<Stamp> {
    let from = block.required("from", "such as `header:X-Timestamp` or `kv:t`", problems);
    let from = from.and_then(|from| problems.keep(&block.path("from"), Place::parse(&from, extract)));
    let unit = block.text("unit", problems).unwrap_or_else(|| "s".to_owned());
    let unit = problems.keep(&block.path("unit"), Unit::parse(&unit, None));
    let tolerance = block.integer("tolerance_s", 1..=LONGEST_TOLERANCE, problems);
    let required = block.flag("required", problems);
    let path = block.path("tolerance_s");
    block.finish(problems);
    let from = from?;
    let signed = content.is_some_and(|content| is_signed(&from, content));
    if !signed && tolerance.is_some() {
        problems
            .warn(&path, "the time is not part of `content`, so anybody can change it; it is not checked");
    }
    let tolerance = signed.then(|| tolerance.unwrap_or(DEFAULT_TOLERANCE) as i64);
    Some(Stamp { from, unit: unit?, tolerance, required: required.unwrap_or(signed) })
}

fn is_signed(from: &Place, content: &Content) -> bool {
    content.uses(&Variable::Timestamp)
        || match from {
            Place::Header(name) => content.uses(&Variable::Header(name.clone())),
            Place::Query(name) => {
                content.uses(&Variable::Query(name.clone()))
                    || content.uses(&Variable::PathAndQuery)
                    || content.uses(&Variable::Url)
            }
            Place::Json(pointer) => content.covers_body() || content.uses(&Variable::Json(pointer.clone())),
            Place::Sibling(_) => false,
        }
}
