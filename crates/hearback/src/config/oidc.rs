//! `[ui.oidc]`: signing in to the interface with OpenID Connect.

use hearback_providers::Secret;
use hearback_store::Role;
use hearback_ui::{Oidc, OidcOptions};
use reqwest::Url;
use serde_json::{Value as Json, json};

use super::node::{Node, Table, Value};
use super::section::{Report, Section};
use super::{Place, parse};

const TITLE: &str = "[ui.oidc]";
/// What is asked for if nothing is said.
const SCOPES: [&str; 3] = ["openid", "email", "profile"];
/// Hours that a session lasts if nothing is said.
const SESSION_HOURS: u64 = 24;

/// What the table says, if it is there and right.
pub(super) fn read(node: Option<Node>, public_url: Option<&str>, report: &mut Report) -> Option<Oidc> {
    let Node { place, value } = node?;
    let table = table(value, &place, TITLE, report)?;
    let mut section = Section::new(TITLE.to_owned(), place.clone(), table, report);
    let issuer =
        needed(&mut section, "issuer", "the provider, as it calls itself: \"https://id.example.com\"");
    let issuer = issuer.filter(|(issuer, at)| is_issuer(issuer, at, &mut section));
    let client_id = needed(&mut section, "client_id", "what the provider calls Hearback");
    let client_secret = needed(&mut section, "client_secret", "write \"env:NAME\" or \"file:PATH\"");
    let scopes = scopes(&mut section);
    let (allowed_domains, create_users) =
        (section.list("allowed_domains", domain), section.flag("create_users"));
    let link_by_email = section.flag("link_by_email").is_some_and(|(yes, _)| yes);
    let create_users = create_users.is_none_or(|(yes, _)| yes);
    let name = section.text("name", name).map(|(name, _)| name);
    let role_claim = section.text("role_claim", some).map(|(claim, _)| claim);
    let default_role = section.text("default_role", super::ui::role).map(|(role, _)| role);
    let roles = roles(&mut section);
    let session_hours = section.number("session_hours", 1..=8760).unwrap_or(SESSION_HOURS) as u32;
    if public_url.is_none() {
        let message = "the provider sends people back to an address that both know: set `public_url` under [ui] or [server]";
        section.report().problem(&place, message);
    }
    if create_users && default_role.is_none() && roles.iter().all(|(_, values)| values.is_empty()) {
        let message = "nobody would have a role: name groups under [ui.oidc.roles], or set `default_role` (viewer, operator or admin)";
        section.report().problem(&place, message);
    }
    if !create_users && !link_by_email {
        let message = "nobody could come in: without `create_users`, set `link_by_email = true`, which leads to users that are there";
        section.report().problem(&place, message);
    }
    section.finish();
    let options = OidcOptions {
        issuer: issuer?.0,
        client_id: client_id?.0,
        client_secret: Secret::new(&client_secret?.0),
        scopes,
        name: name.unwrap_or_else(|| "single sign-on".to_owned()),
        public_url: public_url?.to_owned(),
        role_claim: role_claim.unwrap_or_else(|| "groups".to_owned()),
        roles,
        default_role,
        allowed_domains: allowed_domains.into_iter().map(|(domain, _)| domain).collect(),
        create_users,
        link_by_email,
        session_hours,
    };
    Oidc::new(options).map_err(|error| report.problem(&place, error.to_string())).ok()
}

fn table(value: Value, place: &Place, title: &str, report: &mut Report) -> Option<Table> {
    if let Value::Table(table) = value {
        return Some(table);
    }
    report.problem(place, format!("this is a table: write `{title}` and its keys below"));
    None
}

/// A text that must be there and must not be empty.
fn needed(section: &mut Section<'_>, name: &'static str, what: &str) -> Option<(String, Place)> {
    if !section.has(name) {
        let place = section.place.clone();
        section.report().problem(&place, format!("`{name}` is missing: {what}"));
    }
    section.text(name, some)
}

fn some(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Whether the issuer is one: what it tells decides who is an admin, so that nobody on the way may change it.
fn is_issuer(issuer: &str, at: &Place, section: &mut Section<'_>) -> bool {
    let is_url = Url::parse(issuer).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    let problem = if !is_url {
        "`issuer`: expected the URL that the provider calls itself, such as \"https://id.example.com/realms/main\""
    } else if issuer.ends_with("/.well-known/openid-configuration") {
        "`issuer`: leave out `/.well-known/openid-configuration`, which is added"
    } else if parse::is_clear_text(issuer) {
        "`issuer`: expected https://, since what comes from there says who is an admin; http:// only for one on this machine"
    } else {
        return true;
    };
    section.report().problem(at, problem);
    false
}

fn scopes(section: &mut Section<'_>) -> Vec<String> {
    let at = section.place_of("scopes");
    if !section.has("scopes") {
        drop(section.take("scopes"));
        return SCOPES.map(str::to_owned).to_vec();
    }
    let scope = |text: &str| {
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_plain {
            Ok(text.to_owned())
        } else {
            Err("expected one scope in each text, without spaces".to_owned())
        }
    };
    let scopes: Vec<String> = section.list("scopes", scope).into_iter().map(|(scope, _)| scope).collect();
    if !scopes.iter().any(|scope| scope == "openid") {
        section.report().problem(&at, "`scopes`: \"openid\" must be among them, or there is no ID token");
    }
    scopes
}

fn domain(text: &str) -> Result<String, String> {
    let is_domain = text.contains('.')
        && text.split('.').all(|label| !label.is_empty())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if is_domain {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("expected what stands behind the @, such as \"example.com\"; each subdomain is named by itself"
            .to_owned())
    }
}

fn name(text: &str) -> Result<String, String> {
    let text = some(text)?;
    if text.chars().count() <= 28 && !text.contains(char::is_control) {
        Ok(text)
    } else {
        Err("expected at most 28 characters, in one line: it stands on the button".to_owned())
    }
}

/// `[ui.oidc.roles]`: the values that give each role.
fn roles(section: &mut Section<'_>) -> Vec<(Role, Vec<String>)> {
    let Some(Node { place, value }) = section.take("roles") else { return Vec::new() };
    let title = "[ui.oidc.roles]";
    let report = section.report();
    let Some(table) = table(value, &place, title, report) else { return Vec::new() };
    let mut section = Section::new(title.to_owned(), place, table, report);
    let mut of = |role: Role| {
        let values = section.list(role.name(), some);
        (role, values.into_iter().map(|(value, _)| value).collect())
    };
    let roles = vec![of(Role::Admin), of(Role::Operator), of(Role::Viewer)];
    section.finish();
    roles
}

/// As it may be printed.
pub(super) fn shown(oidc: &Oidc) -> Json {
    let options = oidc.options();
    let roles: serde_json::Map<String, Json> =
        options.roles.iter().map(|(role, values)| (role.name().to_owned(), json!(values))).collect();
    json!({
        "issuer": options.issuer,
        "client_id": options.client_id,
        "client_secret": "(hidden)",
        "scopes": options.scopes,
        "name": options.name,
        "role_claim": options.role_claim,
        "roles": roles,
        "default_role": options.default_role.map(Role::name),
        "allowed_domains": options.allowed_domains,
        "create_users": options.create_users,
        "link_by_email": options.link_by_email,
        "session_hours": options.session_hours,
    })
}
