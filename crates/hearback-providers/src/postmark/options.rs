//! How an operator protects the webhook, and what of it may be left out.

use std::net::IpAddr;

use http::HeaderName;
use ipnet::IpNet;
use serde::Deserialize;

use crate::{Credential, Keys, OneOrMany, OptionError, Options, Secret};

/// A password shorter than this is worth a warning.
const SHORT: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostmarkOptions {
    /// The user name of HTTP Basic, with `password`.
    user: Option<Secret>,
    /// The password that goes with `user`.
    password: Option<Secret>,
    /// Further `user:password` pairs that are right as well, for a change without loss.
    #[serde(default)]
    credentials: Keys,
    /// The name of a header that must hold one of `header_value`.
    header: Option<String>,
    #[serde(default)]
    header_value: Keys,
    /// Addresses or networks (CIDR) from which requests may come.
    networks: Option<OneOrMany<String>>,
}

/// One user with a password.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) user: Secret,
    pub(super) password: Secret,
}

/// A header that holds a secret.
#[derive(Clone, Debug)]
pub(super) struct SecretHeader {
    pub(super) name: HeaderName,
    pub(super) values: Keys,
}

/// Everything that must hold for a request to be believed.
#[derive(Clone, Debug)]
pub(super) struct Access {
    /// Any one of these; not asked for where empty.
    pub(super) credentials: Vec<Login>,
    pub(super) header: Option<SecretHeader>,
    /// Any one of these; not asked for where empty.
    pub(super) networks: Vec<IpNet>,
}

impl Access {
    /// What stands in a request.
    pub(super) fn told_in_requests(&self) -> Vec<Credential> {
        let pairs: Vec<_> = self
            .credentials
            .iter()
            .map(|login| format!("{}:{}", login.user.expose(), login.password.expose()))
            .collect();
        let basic = (!pairs.is_empty()).then(|| Credential::basic(pairs.iter().map(String::as_str)));
        let header = self.header.as_ref().map(|header| Credential::header(&header.name, "", &header.values));
        basic.into_iter().chain(header).collect()
    }

    /// What the user should know.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.credentials.is_empty() && self.header.is_none() {
            warnings.push(
                "requests are believed by their address alone, and Postmark warns that its addresses change: set \
                 `user` and `password`, or `header` and `header_value`, too"
                    .to_owned(),
            );
        }
        let short = self.credentials.iter().filter(|pair| pair.password.expose().len() < SHORT).count();
        if short > 0 {
            warnings.push(format!("{short} password(s) shorter than {SHORT} bytes: easily guessed"));
        }
        warnings.extend(self.header.iter().flat_map(|header| header.values.warnings()));
        warnings
    }
}

/// Reads the options, telling of everything that is wrong with them at once.
pub(super) fn read(options: &Options) -> Result<Access, Vec<OptionError>> {
    let read: PostmarkOptions = options.read().map_err(|error| vec![error])?;
    let mut errors = Vec::new();
    let mut note = |error: OptionError| errors.push(error);
    let access = Access {
        credentials: credentials(read.user, read.password, &read.credentials, &mut note),
        header: header(read.header, read.header_value, &mut note),
        networks: networks(read.networks, &mut note),
    };
    if !errors.is_empty() {
        return Err(errors);
    }
    if access.credentials.is_empty() && access.header.is_none() && access.networks.is_empty() {
        let problem = "Postmark signs nothing, so requests must be known by something else: set `user` and `password` \
                       as in the webhook's HTTP authentication, or `header` and `header_value`, or `networks`";
        return Err(vec![OptionError::new("user", problem)]);
    }
    Ok(access)
}

type Note<'a> = &'a mut dyn FnMut(OptionError);

fn credentials(user: Option<Secret>, password: Option<Secret>, pairs: &Keys, note: Note<'_>) -> Vec<Login> {
    let given = |secret: Option<Secret>| secret.filter(|secret| !secret.is_empty());
    let mut found = Vec::new();
    match (given(user), given(password)) {
        (Some(user), Some(_)) if user.expose().contains(':') => {
            note(OptionError::new("user", "a user name in HTTP Basic cannot hold a colon"));
        }
        (Some(user), Some(password)) => found.push(Login { user, password }),
        (Some(_), None) => note(OptionError::new("password", "`user` is set, but the password is not")),
        (None, Some(_)) => note(OptionError::new("user", "`password` is set, but the user is not")),
        (None, None) => {}
    }
    for pair in pairs {
        match pair.expose().split_once(':') {
            Some((user, password)) if !user.is_empty() && !password.is_empty() => {
                found.push(Login { user: Secret::new(user), password: Secret::new(password) });
            }
            _ => note(OptionError::new("credentials", "each must be of the form `user:password`")),
        }
    }
    found
}

fn header(name: Option<String>, values: Keys, note: Note<'_>) -> Option<SecretHeader> {
    let name = name.filter(|name| !name.is_empty());
    match (name, values.is_empty()) {
        (Some(name), false) => match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => return Some(SecretHeader { name, values }),
            Err(_) => note(OptionError::new("header", format!("`{name}` cannot be the name of a header"))),
        },
        (Some(_), true) => note(OptionError::new("header_value", "`header` is set, but its value is not")),
        (None, false) => {
            note(OptionError::new("header", "`header_value` is set, but the name of the header is not"));
        }
        (None, true) => {}
    }
    None
}

fn networks(texts: Option<OneOrMany<String>>, note: Note<'_>) -> Vec<IpNet> {
    let texts = texts.map(OneOrMany::into_vec).unwrap_or_default();
    let mut found = Vec::new();
    for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        if let Ok(network) = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            found.push(network);
        } else {
            let problem =
                format!("`{text}` is no address or network, such as `203.0.113.7` or `203.0.113.0/24`");
            note(OptionError::new("networks", problem));
        }
    }
    found
}
