//! Signing in with OpenID Connect: the real program, a real provider, and a browser between them.

mod browser;
mod key;
mod provider;
mod refused;
mod users;

use browser::{Browser, Page};
use provider::{PUBLIC, Provider, SECRET, Spoilt};
use serde_json::{Value, json};

use crate::program::{Program, Serving};

const ROLES: &str = "[ui.oidc.roles]\nadmin = [\"boss\"]\noperator = [\"ops\"]\nviewer = [\"staff\"]\n";

/// A program that is configured for this provider.
fn program(provider: &Provider, further: &str) -> Program {
    let program = Program::new().with("OIDC_SECRET", SECRET);
    let issuer = &provider.issuer;
    program.write(
        "hearback.toml",
        &format!(
            "[server]\npublic_url = \"{PUBLIC}\"\ntrusted_proxies = [\"127.0.0.1\"]\n\
             [ui.oidc]\nissuer = \"{issuer}\"\nclient_id = \"hearback\"\nclient_secret = \"env:OIDC_SECRET\"\nname = \"Test ID\"\n{further}"
        ),
    );
    program
}

fn users(program: &Program) -> Vec<Value> {
    serde_json::from_str(&program.run(&["users", "list", "--json"]).out).unwrap()
}

/// Adds a user with a password.
fn add_user(program: &Program, name: &str) {
    program.write("password", "correct horse battery\n");
    let script = format!("\"$0\" users add {name} --role viewer < password");
    let done = std::process::Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_hearback")])
        .current_dir(program.path("."))
        .env("OIDC_SECRET", SECRET)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Whether the page is one for people who are signed in.
fn is_inside(page: &Page) -> bool {
    page.status == 200 && page.body.contains("action=\"/sign-out\"")
}

/// That nothing that the provider gave out, and nobody's address, stands in the log.
fn keeps_secrets(serving: &Serving, provider: &Provider) {
    let log = serving.log();
    for secret in &provider.known().secrets {
        assert!(!log.contains(secret.as_str()), "{secret} stands in the log:\n{log}");
    }
    assert!(!log.to_lowercase().contains("nora@"), "{log}");
}

#[test]
fn somebody_signs_in_works_and_signs_out() {
    let provider = Provider::start();
    let program = program(&provider, ROLES);
    let serving = program.serve(&[]);
    let mut nora = Browser::new(serving.address(), 1);
    let door = nora.open("/alerts");
    assert!(door.url.ends_with("/sign-in?next=%2Falerts"), "{}", door.url);
    let button = door.link("Sign in with Test ID");
    assert_eq!(button, format!("{PUBLIC}/sign-in/oidc?next=%2Falerts"));
    let there = nora.get(&button);
    let cookie = there.cookies.iter().find(|cookie| cookie.starts_with("hearback_oidc=")).unwrap();
    assert!(cookie.ends_with("; Path=/; Max-Age=900; SameSite=Lax; HttpOnly; Secure"), "{cookie}");
    let page = nora.open(&there.location.unwrap());
    assert!(is_inside(&page) && page.url == format!("{PUBLIC}/alerts"), "{} {}", page.status, page.url);
    assert!(!nora.jar.contains_key("hearback_oidc"), "the attempt is over");
    assert_eq!(provider.known().complaints, [""; 0]);

    let account = nora.open("/settings");
    assert!(
        account.body.contains("nora@example.com") && account.body.contains("You sign in by single sign-on")
    );
    assert!(!account.body.contains("id=\"old\""), "there is no password to change");
    let audit = nora.open("/settings/audit");
    assert!(audit.body.contains("through OpenID Connect (Test ID)"), "{}", audit.body);
    assert!(nora.open("/settings/users").body.contains("single sign-on</span>"));
    let refused =
        nora.post("/settings/password", &[("form", &account.form()), ("old", ""), ("new", "0123456789")]);
    assert_eq!(refused.status, 422);

    let form = nora.open("/settings").form();
    let out = nora.post("/sign-out", &[("form", &form)]);
    let out = nora.open(&out.location.unwrap());
    let expected = format!(
        "{}/logout?client_id=hearback&post_logout_redirect_uri=https%3A%2F%2Fhearback.example.com%2Fsign-in",
        provider.issuer
    );
    assert_eq!(out.link("sign out there as well"), expected);
    assert!(nora.open("/settings").url.contains("/sign-in"), "the session is over");
    keeps_secrets(&serving, &provider);
}

#[test]
fn a_sign_in_outlives_a_restart_and_other_ways_of_the_provider() {
    let provider = Provider::start();
    {
        let mut known = provider.known();
        known.algorithm = "ES256";
        known.post_only = true;
        // Roles are told by UserInfo only.
        known.claims = json!({"sub": "1001", "email": "nora@example.com", "email_verified": true});
        known.beyond = json!({"sub": "1001", "realm_access": {"roles": ["ops"]}});
    }
    let program = program(&provider, &format!("role_claim = \"realm_access.roles\"\n{ROLES}"));
    let serving = program.serve(&[]);
    let mut nora = Browser::new(serving.address(), 1);
    let back = nora.go_and_return("/events?type=bounced");
    assert_eq!(serving.stop(), 0);
    let serving = program.serve(&[]);
    nora.finds(serving.address());
    let page = nora.open(&back);
    assert!(
        is_inside(&page) && page.url == format!("{PUBLIC}/events?type=bounced"),
        "{} {}",
        page.status,
        page.body
    );
    assert_eq!(users(&program)[0]["role"], "operator");
    assert_eq!(provider.known().complaints, [""; 0]);
    // UserInfo that tells of somebody else is not believed.
    provider.known().beyond = json!({"sub": "1002", "realm_access": {"roles": ["boss"]}});
    let page = Browser::new(serving.address(), 2).sign_in();
    assert_eq!((page.status, is_inside(&page)), (502, false));
    assert!(serving.log().contains("it tells of somebody else"), "{}", serving.log());
}

#[test]
fn keys_may_change_at_any_time_and_nobody_makes_us_ask_again_and_again() {
    let provider = Provider::start();
    let program = program(&provider, ROLES);
    let serving = program.serve(&[]);
    let mut number = 0;
    let mut sign_in = || {
        number += 1;
        Browser::new(serving.address(), number).sign_in()
    };
    assert!(is_inside(&sign_in()) && is_inside(&sign_in()));
    assert_eq!(provider.known().keys_asked, 1, "they are kept");
    provider.rotate("second");
    assert!(is_inside(&sign_in()) && is_inside(&sign_in()));
    assert_eq!(provider.known().keys_asked, 2);
    provider.rotate("third");
    for _ in 0..3 {
        assert_eq!(sign_in().status, 502);
    }
    assert_eq!(provider.known().keys_asked, 2, "not again so soon");
    assert!(serving.log().contains("not among those that the provider publishes"));
}

#[test]
fn the_configuration_is_checked_against_the_provider() {
    let provider = Provider::start();
    let program = program(&provider, ROLES);
    let done = program.run(&["check"]);
    assert!(done.out.contains("(it answers, with 2 keys)"), "{}", done.out);
    assert!(done.out.contains(&format!("redirect URI {PUBLIC}/sign-in/oidc/callback")), "{}", done.out);
    let issuer = provider.issuer.clone();
    program.write(
        "wrong.toml",
        &std::fs::read_to_string(program.path("hearback.toml"))
            .unwrap()
            .replace(&issuer, &format!("{issuer}/")),
    );
    let done = program.run(&["check", "--config", "wrong.toml"]);
    assert!(done.out.contains(&format!("the provider calls itself `{issuer}`")), "{}", done.out);
    // A provider that is out of reach keeps nobody from starting, and others from signing in.
    provider.stop();
    assert!(program.run(&["check"]).out.contains("single sign-on does not work from here"));
    let serving = program.serve(&[]);
    let page = Browser::new(serving.address(), 1).sign_in();
    assert_eq!(page.status, 502);
    assert!(
        page.body.contains("Test ID did not answer as it should") && page.body.contains("id=\"pass\""),
        "{}",
        page.body
    );
}
