use hearback_providers::{Happening, Options, PROVIDERS, Tamper};

use super::*;

const URL: &str = "https://hooks.example.com/in/trial";

fn trial(provider: &'static dyn Provider) -> Options {
    let mut byte = 7_u8;
    let mut random = |buffer: &mut [u8]| {
        buffer.fill_with(|| {
            byte = byte.wrapping_mul(37).wrapping_add(11);
            byte
        });
    };
    Options::new(provider.trial_options(&mut random))
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_760_000_000).unwrap()
}

/// A request of a provider, spoilt by `spoil`, explained as received at `at` under `url`.
fn explained(
    provider: &'static dyn Provider,
    tamper: Tamper,
    spoil: impl Fn(&mut RawRequest),
    url: &str,
    at: Timestamp,
) -> Outcome {
    let options = trial(provider);
    let (simulator, endpoint) = (provider.simulator(&options).unwrap(), provider.endpoint(&options).unwrap());
    let recipient = if provider.name() == "twilio" { "+99900000001" } else { "guest@example.com" };
    let happening = Happening {
        kind: simulator.kinds()[0],
        occurred_at: now(),
        recipient: recipient.parse().unwrap(),
        message: "sim-1".to_owned(),
        serial: 1,
        labels: std::collections::BTreeMap::new(),
        tags: Vec::new(),
        subject: "Your stay".to_owned(),
    };
    let mut raw = simulator.request(&[happening], URL, now(), tamper);
    spoil(&mut raw);
    let query = raw.path_and_query.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    let public_urls = [format!("{url}{query}")];
    let (endpoint, raw) = (endpoint.as_ref(), &raw);
    let remote = Some("192.0.2.1".parse().unwrap());
    let source = "trial";
    Inspection { provider, endpoint, source, raw, public_urls: &public_urls, remote, at }.explain()
}

fn hints(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused { hints, .. } => hints.join("\n"),
        Outcome::Genuine(_) => "genuine".to_owned(),
        Outcome::Probe(_) => "probe".to_owned(),
    }
}

#[test]
fn genuine_and_forged_requests_of_every_provider() {
    for provider in PROVIDERS {
        let name = provider.name();
        let genuine = explained(*provider, Tamper::None, |_| (), URL, now());
        assert!(
            matches!(&genuine, Outcome::Genuine(events) if events.len() == 1),
            "{name}: {}",
            hints(genuine)
        );
        let forged = explained(*provider, Tamper::Forged, |_| (), URL, now());
        let Outcome::Refused { refusal, status, hints, events } = forged else { panic!("{name}") };
        assert_eq!((refusal.cause(), matches!(status, 401 | 403)), ("bad_signature", true), "{name}");
        assert!(!hints.is_empty() && events.len() == 1, "{name}: {hints:?}");
    }
}

#[test]
fn a_slip_in_the_url_is_found() {
    for provider in PROVIDERS.iter().filter(|provider| provider.signs_url()) {
        for slip in ["http://hooks.example.com/in/trial", "https://hooks.example.com/in/trial/"] {
            let told = hints(explained(*provider, Tamper::None, |_| (), slip, now()));
            assert!(told.contains("the signature is right for https://hooks.example.com/in/trial"), "{told}");
        }
        let told = hints(explained(*provider, Tamper::None, |_| (), "https://other.example/x", now()));
        assert!(told.contains("letter by letter"), "{told}");
    }
}

#[test]
fn a_line_break_that_an_editor_took_or_added_is_found() {
    let sendgrid = hearback_providers::provider("sendgrid").unwrap();
    let cut = |raw: &mut RawRequest| raw.body.truncate(raw.body.trim_ascii_end().len());
    let told = hints(explained(sendgrid, Tamper::None, cut, URL, now()));
    assert!(told.contains("with CR LF at its end"), "{told}");
    let resend = hearback_providers::provider("resend").unwrap();
    let told = hints(explained(resend, Tamper::None, |raw| raw.body.push(b'\n'), URL, now()));
    assert!(told.contains("without the line break at its end"), "{told}");
}

#[test]
fn an_old_capture_is_told_from_a_wrong_key() {
    let mailgun = hearback_providers::provider("mailgun").unwrap();
    let later = now().plus_seconds(90 * 86_400);
    let told = hints(explained(mailgun, Tamper::None, |_| (), URL, later));
    assert!(told.contains("only the time is wrong: with --at 2025-10-09T08:53:20Z"), "{told}");
}

#[test]
fn the_usual_slips_in_a_url() {
    let near = near_urls("https://h.example/in/x?src=a");
    for expected in [
        "https://h.example/in/x?src=a",
        "https://h.example/in/x/?src=a",
        "http://h.example/in/x?src=a",
        "https://h.example/in/x",
        "http://h.example/in/x/",
    ] {
        assert!(near.iter().any(|url| url == expected), "{expected}");
    }
}
