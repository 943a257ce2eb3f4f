//! What every provider's options for sending have in common.

use http::Uri;
use serde::de::DeserializeOwned;

use super::Mailbox;
use crate::{OptionError, Options, Secret};

/// Reads the options.
pub(crate) fn read<T: DeserializeOwned>(options: &Options) -> Result<T, Vec<OptionError>> {
    options.read().map_err(|error| vec![error])
}

/// The key, which must be there and of letters that a header can have.
pub(crate) fn key(key: Option<Secret>, hint: &str) -> Result<Secret, OptionError> {
    let key = key.filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| OptionError::new("key", format!("no key is set; {hint}")))?;
    if key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(key)
    } else {
        Err(OptionError::new("key", "has blanks or letters that no key has"))
    }
}

/// The default sender.
pub(crate) fn from_mailbox(text: Option<&str>) -> Result<Option<Mailbox>, OptionError> {
    let read = |text| Mailbox::parse(text).map_err(|error| OptionError::new("from", error.to_string()));
    text.map(read).transpose()
}

/// Where the provider's API is, without a slash at the end.
pub(crate) fn base_url(given: Option<String>, default: &str) -> Result<String, OptionError> {
    let Some(given) = given else { return Ok(default.to_owned()) };
    let bad = || {
        let example = format!("expected scheme, host and perhaps a path, such as {default}");
        OptionError::new("base_url", example)
    };
    let url: Uri = given.trim().parse().map_err(|_| bad())?;
    let has_host = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if !matches!(url.scheme_str(), Some("http" | "https"))
        || !has_host
        || url.query().is_some()
        || given.contains('#')
    {
        return Err(bad());
    }
    Ok(given.trim().trim_end_matches('/').to_owned())
}

/// A warning where the key would go over the network for all to see.
pub(crate) fn clear_text_warning(base_url: &str) -> Option<String> {
    let url: Uri = base_url.parse().ok()?;
    let host = url.host()?.trim_matches(['[', ']']);
    let is_here =
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    (url.scheme_str() == Some("http") && !is_here)
        .then(|| "`base_url` is not https: key and messages cross the network in clear text".to_owned())
}
