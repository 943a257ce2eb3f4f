//! Who is not let in, and what he is told.

use super::*;

#[test]
fn answers_that_are_not_as_they_must_be_let_nobody_in() {
    let provider = Provider::start();
    let program = program(&provider, ROLES);
    let serving = program.serve(&[]);
    let cases = [
        (Spoilt::Nonce, 502, "did not answer as it should", "(`nonce`)"),
        (Spoilt::Audience, 502, "did not answer as it should", "(`aud`, `azp`)"),
        (Spoilt::Issuer, 502, "did not answer as it should", "another issuer (`iss`)"),
        (Spoilt::Expired, 502, "did not answer as it should", "do the clocks agree?"),
        (Spoilt::ForeignKey, 502, "did not answer as it should", "signature of the ID token is wrong"),
        (Spoilt::Unsigned, 502, "did not answer as it should", "algorithm that is not taken"),
        (Spoilt::PublicKeyAsSecret, 502, "did not answer as it should", "algorithm that is not taken"),
        (Spoilt::Changed, 502, "did not answer as it should", "signature of the ID token is wrong"),
        (Spoilt::IssuerOfAnswer, 400, "comes from another provider", "names another issuer"),
        (Spoilt::Error("access_denied"), 403, "you may not use Hearback", "error=\"access_denied\""),
        (Spoilt::Error("login_required"), 403, "sign in there", "error=\"login_required\""),
        (Spoilt::Error("server_error"), 502, "Try again later", "error=\"server_error\""),
        (
            Spoilt::Error("invalid_scope"),
            502,
            "refuses how Hearback asks (invalid_scope)",
            "error=\"invalid_scope\"",
        ),
        (Spoilt::Error("<script>"), 502, "(an unknown one)", "error=\"an unknown one\""),
    ];
    for (number, (spoilt, status, words, logged)) in cases.into_iter().enumerate() {
        provider.known().spoilt = Some(spoilt);
        let before = serving.log().len();
        let mut browser = Browser::new(serving.address(), number as u8 + 1);
        let page = browser.sign_in();
        assert_eq!((page.status, is_inside(&page)), (status, false), "{spoilt:?}: {}", page.body);
        assert!(page.body.contains(words), "{spoilt:?}: {}", page.body);
        assert!(!page.body.contains("<script>") && !page.body.contains("long words"), "{spoilt:?}");
        assert!(serving.log()[before..].contains(logged), "{spoilt:?}: {}", &serving.log()[before..]);
        assert!(browser.open("/settings").url.contains("/sign-in"), "{spoilt:?}");
        assert!(!browser.jar.contains_key("hearback_oidc"), "{spoilt:?}: the attempt is over");
    }
    assert_eq!(users(&program), [Value::Null; 0], "no user is made of them");
    provider.known().spoilt = None;
    assert!(is_inside(&Browser::new(serving.address(), 99).sign_in()), "it is not that nobody ever gets in");
    keeps_secrets(&serving, &provider);
}

#[test]
fn an_answer_belongs_to_the_browser_that_asked_and_counts_once() {
    let provider = Provider::start();
    let program = program(&provider, ROLES);
    let serving = program.serve(&[]);
    let mut nora = Browser::new(serving.address(), 1);
    let mut other = Browser::new(serving.address(), 2);
    let foreign = |page: &Page| {
        page.status == 400 && page.body.contains("does not belong to a sign-in of this browser")
    };
    // Another browser, without a sign-in of its own and with one.
    let back = nora.go_and_return("/alerts");
    assert!(foreign(&other.get(&back)));
    other.go_and_return("/alerts");
    assert!(foreign(&other.get(&back)));
    // An answer without a state, with another one, with a cookie that was changed.
    let kept = nora.jar.clone();
    for spoilt in [back.replace("state=", "stale="), back.replace("state=", "state=x")] {
        nora.jar = kept.clone();
        assert!(foreign(&nora.get(&spoilt)), "{spoilt}");
        assert!(!nora.jar.contains_key("hearback_oidc"), "it is over");
    }
    let cookie = kept["hearback_oidc"].clone();
    let first = if cookie.starts_with('A') { "B" } else { "A" };
    nora.jar.insert("hearback_oidc".to_owned(), format!("{first}{}", &cookie[1..]));
    assert!(foreign(&nora.get(&back)));
    assert_eq!(users(&program), [Value::Null; 0]);
    assert_eq!(provider.known().complaints, [""; 0], "the provider was not even asked");
    // The right one, once; whoever has seen all of it comes too late.
    nora.jar = kept.clone();
    assert!(is_inside(&nora.open(&back)));
    let mut thief = Browser::new(serving.address(), 3);
    thief.jar = kept;
    let page = thief.open(&back);
    assert_eq!((page.status, is_inside(&page)), (502, false));
    assert_eq!(provider.known().complaints, ["the code was used already"]);
    assert!(serving.log().contains("400 invalid_grant the code was used already"), "{}", serving.log());
    // Nobody is led elsewhere.
    let mut lured = Browser::new(serving.address(), 4);
    let page = lured.open(&format!("{PUBLIC}/sign-in/oidc?next=https://evil.example/"));
    assert!(is_inside(&page) && page.url == format!("{PUBLIC}/"), "{}", page.url);
    keeps_secrets(&serving, &provider);
}

#[test]
fn who_has_no_role_or_no_verified_address_is_told_so() {
    let provider = Provider::start();
    let program = program(&provider, &format!("allowed_domains = [\"example.com\"]\n{ROLES}"));
    let serving = program.serve(&[]);
    let person = |groups: Value, email: &str, verified: bool| json!({"sub": "1002", "email": email, "email_verified": verified, "groups": groups});
    for (number, (claims, words)) in [
        (person(json!(["guests"]), "nora@example.com", true), "nothing there gives you a role here"),
        (person(json!([]), "nora@example.com", true), "nothing there gives you a role here"),
        (
            person(json!(["boss"]), "nora@example.com", false),
            "does not say that your e-mail address is verified",
        ),
        (person(json!(["boss"]), "nora@example.org", true), "of a domain that is not let in"),
    ]
    .into_iter()
    .enumerate()
    {
        provider.known().claims = claims;
        let page = Browser::new(serving.address(), number as u8 + 1).sign_in();
        assert_eq!(page.status, 403, "{}", page.body);
        assert!(page.body.contains(words) && page.body.contains("Sign in with Test ID"), "{}", page.body);
    }
    assert_eq!(users(&program), [Value::Null; 0]);
    provider.known().claims = person(json!(["staff"]), "nora@example.com", true);
    assert!(is_inside(&Browser::new(serving.address(), 9).sign_in()));
    keeps_secrets(&serving, &provider);
}

#[test]
fn a_wrong_secret_of_the_client_is_said_in_the_log() {
    let provider = Provider::start();
    let program = program(&provider, ROLES).with("OIDC_SECRET", "another");
    let serving = program.serve(&[]);
    let page = Browser::new(serving.address(), 1).sign_in();
    assert_eq!((page.status, is_inside(&page)), (502, false));
    assert!(serving.log().contains("invalid_client the client's secret is wrong"), "{}", serving.log());
}

#[test]
fn one_address_does_not_try_without_end() {
    let provider = Provider::start();
    let program = program(&provider, ROLES);
    let serving = program.serve(&[]);
    let mut browser = Browser::new(serving.address(), 1);
    let tries =
        (0..12).map(|_| browser.get(&format!("{PUBLIC}/sign-in/oidc/callback?state=x&code=y")).status);
    assert!(tries.collect::<Vec<_>>().contains(&429));
    assert!(is_inside(&Browser::new(serving.address(), 2).sign_in()), "others may");
}
