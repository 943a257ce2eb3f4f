//! Who somebody is, and what he may do, by what the provider tells.

use hearback_store::Role;
use serde_json::Value;

use super::options::OidcOptions;
use super::token::Claims;
use crate::pages::entrance::NAME_MAX;

const GOOGLE: &str = "https://accounts.google.com";

/// Somebody whom the provider knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// The provider's name for him, which never changes.
    pub(crate) subject: String,
    /// What he is called here.
    pub(crate) name: String,
    /// The address, in lower case, if the provider says that it is his.
    pub(crate) verified_email: Option<String>,
    /// The role that follows from the claims, or is everybody's. None where roles are given by hand.
    pub(crate) role: Option<Role>,
}

/// Why somebody whom the provider knows is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAllowed {
    /// Nothing gives him a role.
    NoRole,
    /// The provider does not say that the address is his.
    NotVerified,
    /// The address is of a domain that is not let in.
    OtherDomain,
}

impl OidcOptions {
    /// Whether roles follow from claims, anew at each sign-in.
    pub(crate) fn maps_roles(&self) -> bool {
        self.roles.iter().any(|(_, values)| !values.is_empty())
    }

    /// Who it is; an error where the claims do not let him in.
    pub(crate) fn person(&self, claims: &Claims) -> Result<Person, NotAllowed> {
        let subject = text(claims, "sub").unwrap_or_default().to_owned();
        let verified_email = verified_email(claims);
        if !self.allowed_domains.is_empty() {
            let email = verified_email.as_deref().ok_or(NotAllowed::NotVerified)?;
            let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
            let is_allowed = |domain: &str| self.allowed_domains.iter().any(|allowed| allowed == domain);
            if !is_allowed(domain) || !(self.is_hosted(domain) || text(claims, "hd").is_some_and(is_allowed))
            {
                return Err(NotAllowed::OtherDomain);
            }
        }
        let role = if self.maps_roles() {
            Some(self.mapped(claims).or(self.default_role).ok_or(NotAllowed::NoRole)?)
        } else {
            None
        };
        let name = name(claims, verified_email.as_deref()).unwrap_or_else(|| subject.clone());
        Ok(Person { subject, name, verified_email, role })
    }

    /// Whether the provider vouches for addresses of a domain by their being verified. Google does not: whoever once could read the
    /// mail of an address may keep an account under it that the company knows nothing of. Company accounts have the claim `hd`.
    fn is_hosted(&self, domain: &str) -> bool {
        self.issuer != GOOGLE || ["gmail.com", "googlemail.com"].contains(&domain)
    }

    /// The greatest role that a value of the claim gives.
    fn mapped(&self, claims: &Claims) -> Option<Role> {
        let has = values(claims, &self.role_claim);
        let given =
            self.roles.iter().filter(|(_, values)| values.iter().any(|value| has.contains(&value.as_str())));
        given.map(|(role, _)| *role).max()
    }

    /// Whether the ID token lacks something that decides, so that it is worth asking for more.
    pub(crate) fn lacks(&self, claims: &Claims) -> bool {
        let needs_email = !self.allowed_domains.is_empty() || self.link_by_email;
        (self.maps_roles() && values(claims, &self.role_claim).is_empty())
            || (needs_email && verified_email(claims).is_none())
            || name(claims, verified_email(claims).as_deref()).is_none()
    }
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// The values of a claim: a text, or a list of texts. The whole name first, because names may be URLs with dots in them.
fn values<'a>(claims: &'a Claims, path: &str) -> Vec<&'a str> {
    let found = claims.get(path).or_else(|| {
        let mut steps = path.split('.');
        let first = claims.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    });
    match found {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn verified_email(claims: &Claims) -> Option<String> {
    // Some providers (Cognito) say it as a text.
    let is_verified = match claims.get("email_verified")? {
        Value::Bool(yes) => *yes,
        Value::String(word) => word == "true",
        _ => false,
    };
    let email = text(claims, "email").filter(|email| is_verified && is_name(email) && email.contains('@'))?;
    Some(email.to_lowercase())
}

/// The name: an address that is surely his, else what the provider calls him.
fn name(claims: &Claims, verified_email: Option<&str>) -> Option<String> {
    let told = ["preferred_username", "email", "name"].into_iter().filter_map(|name| text(claims, name));
    verified_email.into_iter().chain(told).find(|name| is_name(name)).map(str::to_owned)
}

fn is_name(text: &str) -> bool {
    text.len() <= NAME_MAX && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use hearback_providers::Secret;
    use serde_json::json;

    use super::*;

    fn options() -> OidcOptions {
        OidcOptions {
            issuer: "https://id.example.com".to_owned(),
            client_id: "hearback".to_owned(),
            client_secret: Secret::new("geheim"),
            scopes: Vec::new(),
            name: "single sign-on".to_owned(),
            public_url: "https://hearback.example.com".to_owned(),
            role_claim: "groups".to_owned(),
            roles: vec![
                (Role::Admin, vec!["boss".to_owned()]),
                (Role::Operator, vec!["ops".to_owned(), "support".to_owned()]),
                (Role::Viewer, vec!["staff".to_owned()]),
            ],
            default_role: None,
            allowed_domains: Vec::new(),
            create_users: true,
            link_by_email: false,
            session_hours: 24,
        }
    }

    fn claims(value: Value) -> Claims {
        let Value::Object(mut claims) = value else { panic!("an object is expected") };
        claims.insert("sub".to_owned(), "s1".into());
        claims
    }

    #[test]
    fn roles_follow_from_claims() {
        use Role::{Admin, Operator, Viewer};
        let cases = [
            ("groups", json!({"groups": ["staff", "ops"]}), Ok(Operator)),
            ("groups", json!({"groups": ["boss", "staff"]}), Ok(Admin)),
            ("groups", json!({"groups": "staff"}), Ok(Viewer)),
            ("groups", json!({"groups": ["Boss", "boss ", "bosses", 7, null]}), Err(NotAllowed::NoRole)),
            ("groups", json!({"groups": "boss staff"}), Err(NotAllowed::NoRole)),
            ("groups", json!({"groups": {"boss": true}}), Err(NotAllowed::NoRole)),
            ("groups", json!({"groups": []}), Err(NotAllowed::NoRole)),
            ("groups", json!({}), Err(NotAllowed::NoRole)),
            ("realm_access.roles", json!({"realm_access": {"roles": ["support"]}}), Ok(Operator)),
            ("realm_access.roles", json!({"realm_access": ["support"]}), Err(NotAllowed::NoRole)),
            ("realm_access.roles", json!({"roles": ["support"]}), Err(NotAllowed::NoRole)),
            ("a.b.c", json!({"a": {"b": {"c": "boss"}}}), Ok(Admin)),
            ("https://x.example/roles", json!({"https://x.example/roles": ["boss"]}), Ok(Admin)),
            ("hd", json!({"hd": "staff"}), Ok(Viewer)),
        ];
        for (claim, told, expected) in cases {
            let options = OidcOptions { role_claim: claim.to_owned(), ..options() };
            let found = options.person(&claims(told.clone())).map(|person| person.role.unwrap());
            assert_eq!(found, expected, "{claim} in {told}");
        }
    }

    #[test]
    fn who_has_no_role_gets_the_default_one_and_roles_may_be_given_by_hand() {
        let default = OidcOptions { default_role: Some(Role::Viewer), ..options() };
        let role = |options: &OidcOptions, told| options.person(&claims(told)).unwrap().role;
        assert_eq!(role(&default, json!({})), Some(Role::Viewer));
        assert_eq!(role(&default, json!({"groups": ["boss"]})), Some(Role::Admin));
        let by_hand = OidcOptions { roles: Vec::new(), ..default };
        assert_eq!(role(&by_hand, json!({"groups": ["boss"]})), None);
    }

    #[test]
    fn only_verified_addresses_of_allowed_domains_are_let_in() {
        let domains = vec!["example.com".to_owned(), "example.org".to_owned()];
        let options = OidcOptions {
            allowed_domains: domains,
            roles: Vec::new(),
            default_role: Some(Role::Viewer),
            ..options()
        };
        let cases = [
            (json!({"email": "Ann@Example.COM", "email_verified": true}), Ok("ann@example.com")),
            (json!({"email": "ann@example.org", "email_verified": "true"}), Ok("ann@example.org")),
            (json!({"email": "ann@example.com", "email_verified": false}), Err(NotAllowed::NotVerified)),
            (json!({"email": "ann@example.com", "email_verified": 1}), Err(NotAllowed::NotVerified)),
            (json!({"email": "ann@example.com"}), Err(NotAllowed::NotVerified)),
            (json!({"email_verified": true}), Err(NotAllowed::NotVerified)),
            (json!({"email": "example.com", "email_verified": true}), Err(NotAllowed::NotVerified)),
            (json!({"email": "ann@x.example.com", "email_verified": true}), Err(NotAllowed::OtherDomain)),
            (json!({"email": "ann@notexample.com", "email_verified": true}), Err(NotAllowed::OtherDomain)),
            (
                json!({"email": "a@example.com@evil.example", "email_verified": true}),
                Err(NotAllowed::OtherDomain),
            ),
        ];
        for (told, expected) in cases {
            let found = options.person(&claims(told.clone())).map(|person| person.verified_email.unwrap());
            assert_eq!(found.as_deref().map_err(|error| *error), expected, "{told}");
        }
    }

    #[test]
    fn at_google_an_address_alone_does_not_make_a_member_of_the_company() {
        let options = OidcOptions {
            issuer: GOOGLE.to_owned(),
            allowed_domains: vec!["example.com".to_owned(), "gmail.com".to_owned()],
            roles: Vec::new(),
            ..options()
        };
        let cases = [
            (json!({"email": "ann@example.com", "email_verified": true, "hd": "example.com"}), true),
            (json!({"email": "ann@example.com", "email_verified": true}), false),
            (json!({"email": "ann@example.com", "email_verified": true, "hd": "other.example"}), false),
            (json!({"email": "ann@other.example", "email_verified": true, "hd": "example.com"}), false),
            (json!({"email": "ann@gmail.com", "email_verified": true}), true),
        ];
        for (told, is_let_in) in cases {
            assert_eq!(options.person(&claims(told.clone())).is_ok(), is_let_in, "{told}");
        }
    }

    #[test]
    fn names_are_the_surest_that_there_are() {
        let options = OidcOptions { roles: Vec::new(), ..options() };
        let long = "x".repeat(201);
        let cases = [
            (json!({"email": "Ann@x.example", "email_verified": true, "name": "Ann"}), "ann@x.example"),
            (json!({"email": "ann@x.example", "preferred_username": "ann"}), "ann"),
            (json!({"email": "ann@x.example", "name": "Ann"}), "ann@x.example"),
            (json!({"preferred_username": "a\nb", "name": " Ann B "}), "Ann B"),
            (json!({"preferred_username": long, "name": ""}), "s1"),
            (json!({}), "s1"),
        ];
        for (told, expected) in cases {
            assert_eq!(options.person(&claims(told.clone())).unwrap().name, expected, "{told}");
        }
    }

    #[test]
    fn more_is_asked_for_only_where_something_lacks() {
        let told = claims(json!({"name": "Ann", "groups": ["x"]}));
        assert!(!options().lacks(&told));
        assert!(options().lacks(&claims(json!({"name": "Ann"}))));
        assert!(options().lacks(&claims(json!({"groups": ["x"]}))));
        assert!(OidcOptions { link_by_email: true, ..options() }.lacks(&told));
    }
}
