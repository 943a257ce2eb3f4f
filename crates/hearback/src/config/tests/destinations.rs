//! Destinations: what is taken, what is refused with which words, and what is never printed.

use std::time::Duration;

use hearback_store::Begin;

use super::Bench;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SOURCE: &str = "[sources.mailgun]\nprovider = \"mailgun\"\nkeys = [\"0123456789abcdef\"]\n";

fn bench(toml: &str) -> Bench {
    Bench::new(&format!("{SOURCE}{toml}"))
}

#[test]
fn a_destination_is_read_with_everything_that_can_be_said() {
    let bench = bench(
        r#"
        [destinations.crm]
        kind = "webhook"
        url = "https://user:pass@crm.example.com/hook?token=hidden"
        secrets = ["env:CRM_SECRET"]
        headers = { Authorization = "env:CRM_TOKEN", X-Plain = "hidden" }
        events = ["message.bounced", "source.*"]
        when = 'event.failure.severity == "permanent"'
        start = "beginning"
        concurrency = 3
        pushes_per_second = 7
        timeout_s = 9
        batch = 20
        retry_s = [1, 60]
        failing_after = 4
        probe_every_s = 5
        allow_networks = ["10.0.0.0/8"]
        "#,
    )
    .with("CRM_SECRET", SECRET)
    .with("CRM_TOKEN", "Bearer hidden");
    assert_eq!(bench.complaints(), "");
    let config = bench.load().config.unwrap();
    let shown = config.to_shown()["destinations"]["crm"].clone();
    assert_eq!(shown["url"], "https://…@crm.example.com/hook?…");
    assert_eq!(shown["secrets"][0], "env:CRM_SECRET");
    assert_eq!(shown["headers"]["Authorization"], "env:CRM_TOKEN");
    assert_eq!(shown["headers"]["X-Plain"], "(hidden)");
    let destination = &config.destinations[0].destination;
    assert_eq!((destination.name.as_str(), destination.carrier.kind()), ("crm", "webhook"));
    assert_eq!(destination.carrier.target(), "https://crm.example.com/hook");
    let pace = destination.pace;
    assert_eq!((pace.concurrency, pace.batch, pace.ordered), (3, 20, false));
    assert_eq!((pace.timeout, pace.per_second.unwrap().get()), (Duration::from_secs(9), 7));
    assert_eq!(destination.schedule.pauses(), [Duration::from_secs(1), Duration::from_mins(1)]);
    assert_eq!((destination.breaker.failures, destination.breaker.probe_max), (4, Duration::from_secs(5)));
    assert_eq!(destination.begin, Begin::Beginning);
    assert_eq!(destination.filter.types(), ["message.bounced", "source.*"]);
}

#[test]
fn the_environment_can_say_it_all() {
    let bench = bench("[destinations.my-crm]\nkind = \"webhook\"\nurl = \"https://x.example/\"\n")
        .with("HEARBACK__DESTINATIONS__MY_CRM__SECRETS", SECRET)
        .with("HEARBACK__DESTINATIONS__MY_CRM__URL", "https://y.example/hook");
    assert_eq!(bench.complaints(), "");
    let config = bench.load().config.unwrap();
    assert_eq!(config.destinations.len(), 1);
    assert_eq!(config.destinations[0].destination.carrier.target(), "https://y.example/hook");
    assert_eq!(config.to_shown()["destinations"]["my-crm"]["secrets"], "(hidden)");
}

#[test]
fn every_problem_is_named_with_its_place_and_what_to_write() {
    for (toml, expected) in [
        ("[[destinations]]\nname = \"crm\"", "write one table per destination: `[destinations.crm]`"),
        ("[destinations]\ncrm = 1", "`crm` is a table: write `[destinations.crm]`"),
        ("[destinations.\"My CRM\"]", "named with up to 64 lower-case letters"),
        ("[destinations.crm]\nurl = \"https://x.example\"", "`kind` is missing; it is one of `webhook`"),
        ("[destinations.crm]\nkind = \"webhok\"", "did you mean \"webhook\"?"),
        ("[destinations.crm]\nkind = \"webhook\"", "`url` is missing"),
        ("[destinations.crm]\nkind = \"webhook\"\nurl = \"x\"", "this is no URL"),
        (
            "[destinations.crm]\nkind = \"webhook\"\nurl = \"http://127.0.0.1/\"",
            "allow_networks = [\"127.0.0.1\"]",
        ),
        ("[destinations.crm]\nkind = \"webhook\"\nurl = \"http://x.example/\"", "`url` is not encrypted"),
        ("[destinations.crm]\nkind = \"webhook\"\nurl = \"https://x.example/\"", "requests are not signed"),
        ("[destinations.crm]\nkind = \"webhook\"\nsecrets = [\"abc\"]", "a secret begins with `whsec_`"),
        (
            "[destinations.crm]\nkind = \"webhook\"\nsecrets = [\"env:NOWHERE\"]",
            "variable `NOWHERE` is not set",
        ),
        (
            "[destinations.crm]\nkind = \"webhook\"\nheaders = { Host = \"x\" }",
            "`host` is set by Hearback itself",
        ),
        ("[destinations.crm]\nkind = \"webhook\"\nevents = [\"bouncd\"]", "there is no event type `bouncd`"),
        (
            "[destinations.crm]\nkind = \"webhook\"\nwhen = 'event.failur.code == \"1\"'",
            "did you mean `failure`?",
        ),
        ("[destinations.crm]\nkind = \"webhook\"\nretry_s = [\"soon\"]", "`retry_s`: expected a list"),
        ("[destinations.crm]\nkind = \"webhook\"\nbatch = 5\nordered = true", "exclude each other"),
        ("[destinations.crm]\nkind = \"webhook\"\ntimout_s = 5", "did you mean `timeout_s`?"),
        ("[destinations.crm]\nkind = \"webhook\"\nstart = \"now\"", "expected one of \"end\", \"beginning\""),
    ] {
        let complaints = bench(toml).complaints();
        assert!(complaints.contains(expected), "{toml}:\n{complaints}");
        assert!(complaints.contains("hearback.toml:"), "{toml}:\n{complaints}");
        assert!(!complaints.contains("\"abc\""), "a secret is not printed: {complaints}");
    }
}

#[test]
fn each_kind_reads_its_own_and_hides_its_secrets() {
    let bench = bench(
        r#"
        [destinations.chat]
        kind = "slack"
        url = "https://hooks.slack.com/services/T0/B0/topsecret"
        events = ["message.bounced"]

        [destinations.phone]
        kind = "sms"
        account_sid = "AC0123"
        auth_token = "env:TWILIO_TOKEN"
        from = "+15550001111"
        to = "+1 555 765 4321"
        events = ["message.bounced"]

        [destinations.mails]
        kind = "email"
        url = "env:SMTP_URL"
        from = "Hearback <hearback@example.com>"
        to = ["ops@example.com"]
        events = ["destination.failing"]

        [destinations.shipper]
        kind = "file"
        path = "out/events.ndjson"
        rotate_at = "1 MiB"
        keep = 3

        [destinations.pipe]
        kind = "stdout"
        "#,
    )
    .with("TWILIO_TOKEN", "topsecret")
    .with("SMTP_URL", "smtps://user:topsecret@smtp.example.com");
    assert_eq!(bench.complaints(), "");
    let config = bench.load().config.unwrap();
    let targets: Vec<_> = config
        .destinations
        .iter()
        .map(|one| (one.destination.carrier.kind(), one.destination.carrier.target()))
        .collect();
    let file = bench.path().join("data/out/events.ndjson").display().to_string();
    assert_eq!(targets[0], ("slack", "https://hooks.slack.com/…".to_owned()));
    assert_eq!(targets[1].0, "email");
    assert!(targets[1].1.ends_with("via smtp.example.com"), "{}", targets[1].1);
    assert_eq!(targets[2].0, "sms");
    assert!(!targets[2].1.contains("7654321"), "{}", targets[2].1);
    assert_eq!(targets[3], ("stdout", "standard output".to_owned()));
    assert_eq!(targets[4], ("file", file));
    assert_eq!(config.destinations[4].destination.pace.batch, 100);
    assert!(!config.to_shown()["destinations"].to_string().contains("topsecret"), "{}", config.to_shown());
    for (toml, expected) in [
        ("[destinations.a]\nkind = \"sms\"", "`auth_token` is missing: the account's token"),
        ("[destinations.a]\nkind = \"sms\"\nto = \"alice@example.com\"", "expected a phone number"),
        ("[destinations.a]\nkind = \"sms\"", "`events` is missing: without it every event is sent on"),
        ("[destinations.a]\nkind = \"email\"\nevents = [\"bounced\"]", "`to` is missing"),
        (
            "[destinations.a]\nkind = \"email\"\nurl = \"https://x.example\"\nfrom = \"a@b.example\"\nto = [\"a@b.example\"]",
            "expected smtps://user:password@host",
        ),
        ("[destinations.a]\nkind = \"file\"", "`path` is missing"),
        ("[destinations.a]\nkind = \"slack\"", "`url` is missing"),
        ("[destinations.a]\nkind = \"stdout\"\nurl = \"https://x.example\"", "unknown key `url`"),
    ] {
        let complaints = super::destinations::bench(toml).complaints();
        assert!(complaints.contains(expected), "{toml}:\n{complaints}");
    }
}
