//! What is taken, and what it becomes.

use std::time::Duration;

use hearback_providers::PROVIDERS;
use hearback_server::{Mode, UnknownMessage};

use super::super::{DEFAULT, LogFormat, Trial, load_storage};
use super::Bench;

const FULL: &str = r#"
[server]
listen = "localhost:9000"
public_url = "https://hooks.example.com/"
trusted_proxies = ["10.0.0.0/8", "192.0.2.7"]
workers = 3
connections_max = 10
headers_max = 64
json_depth_max = 20
form_fields_max = 50
in_flight_bytes_max = "1 MiB"
read_timeout_s = 5
drain_timeout_s = 0
quarantined_per_second = 7

[admin]
listen = "[::1]:9001"
cors_origins = ["https://desk.example.com", "http://localhost:3000"]

[storage]
url = "sqlite:log.db"

[retention]
payloads_days = 30
events_days = 400

[quarantine]
entries_max = 5
bytes_max = "1 MiB"

[log]
format = "json"
level = "info,hearback_store=debug"

[watchdog]
refused_min = 12
expect = [{ label = "purpose=pre_arrival", within_s = 900 }]

[sources.mailgun-eu]
provider = "mailgun"
keys = ["env:MG_KEY", "file:old-key"]
mode = "shadow"
paths = ["/mailgun-webhook/"]
account = "eu"
unknown_message = "reject"
body_max = 2048
requests_per_second = 9
public_url = "https://other.example.com/m"
max_age = 90000

[sources.resend]
provider = "resend"
keys = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"#;

#[test]
fn every_key() {
    let bench = Bench::new(FULL).with("MG_KEY", "0123456789abcdef0123456789abcdef");
    bench.write("old-key", "abcdef0123456789abcdef0123456789\n", 0o600);
    assert_eq!(bench.complaints(), "");
    let config = bench.load().config.unwrap();
    let (server, limits) = (&config.server, &config.server.limits);
    assert_eq!(server.listen.to_string(), "127.0.0.1:9000");
    assert_eq!(server.admin.unwrap().to_string(), "[::1]:9001");
    assert_eq!(server.public_url.as_deref(), Some("https://hooks.example.com"));
    assert_eq!(server.cors_origins, ["https://desk.example.com", "http://localhost:3000"]);
    assert_eq!(server.trusted_proxies.len(), 2);
    assert_eq!((server.workers, limits.connections_max, limits.headers_max), (3, 10, 64));
    assert_eq!((limits.shape.json_depth, limits.shape.form_fields), (20, 50));
    assert_eq!(limits.in_flight_bytes_max, 1 << 20);
    assert_eq!((limits.read_timeout, limits.drain_timeout), (Duration::from_secs(5), Duration::ZERO));
    assert_eq!(limits.quarantined_per_second, 7);
    assert_eq!(
        config.storage.database.to_string(),
        format!("sqlite:{}", bench.path().join("data/log.db").display())
    );
    let retention = config.retention;
    assert_eq!(
        (retention.payloads_days, retention.events_days, retention.quarantine_days),
        (Some(30), Some(400), None)
    );
    assert_eq!((config.quarantine.entries_max, config.quarantine.bytes_max), (5, 1 << 20));
    assert_eq!(
        (config.log.format, config.log.level.as_str()),
        (LogFormat::Json, "info,hearback_store=debug")
    );
    assert_eq!((config.watchdog.limits.refused, config.watchdog.expect.len()), (12, 1));
    let [mailgun, resend] = config.sources.as_slice() else { panic!("two sources") };
    assert_eq!(mailgun.name().as_ref(), "mailgun-eu");
    assert_eq!(mailgun.reference.account.as_ref(), "eu");
    assert_eq!((mailgun.mode, mailgun.unknown_message), (Mode::Shadow, UnknownMessage::Reject));
    assert_eq!((mailgun.body_bytes_max, mailgun.requests_per_second), (2048, Some(9)));
    assert_eq!((mailgun.paths.as_slice(), mailgun.keys), (["/mailgun-webhook/".to_owned()].as_slice(), 2));
    assert_eq!(config.url_of(mailgun), "https://other.example.com/m");
    assert_eq!(config.url_of(resend), "https://hooks.example.com/webhooks/resend");
    assert_eq!((resend.mode, resend.keys, resend.body_bytes_max), (Mode::Enforce, 1, 5 << 20));
    assert_eq!(resend.reference.account.as_ref(), "resend");
}

#[test]
fn the_default_file_is_what_an_empty_one_means() {
    let written = Bench::new(DEFAULT);
    let empty = Bench::new("");
    assert_eq!(written.complaints(), "");
    let shown = |bench: &Bench| {
        let text = bench.load().config.unwrap().to_shown().to_string();
        text.replace(&bench.path().display().to_string(), "")
    };
    assert_eq!(shown(&written), shown(&empty));
}

/// The commented lines of the default file, taken as they stand, are a valid configuration too.
#[test]
fn the_examples_in_the_default_file_are_true() {
    let (before, single) = DEFAULT.split_once("# [ui.oidc]").unwrap();
    let (_, after) = single.split_once("\n\n").unwrap();
    // Only a program that was built with it takes it.
    let default = if cfg!(feature = "oidc") { DEFAULT } else { &format!("{before}\n{after}") };
    let lines: Vec<&str> = default
        .lines()
        .map(|line| {
            let code = line.trim_start_matches("# ");
            let is_code = code.starts_with('[') || code.split_once(" = ").is_some_and(|(key, _)| is_key(key));
            if is_code { code } else { line }
        })
        .collect();
    let uncommented = lines.join("\n");
    let bench = Bench::new(&uncommented)
        .with("MG_KEY", "0123456789abcdef0123456789abcdef")
        .with("MG_SENDING_KEY", "0123456789abcdef-sending")
        .with("CRM_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .with("CRM_TOKEN", "Bearer abc")
        .with("OIDC_SECRET", "geheim-geheim");
    bench.write("mg", "abcdef0123456789abcdef0123456789", 0o600);
    let toml = uncommented.replace("/run/secrets/mg", "mg");
    bench.write("hearback.toml", &toml, 0o600);
    assert_eq!(bench.complaints(), "", "{toml}");
    let config = bench.load().config.unwrap();
    assert_eq!((config.sources.len(), config.destinations.len()), (1, 1));
    assert_eq!(config.destinations[0].destination.schedule, hearback_deliver::Schedule::default());
    assert_eq!(config.destinations[0].destination.breaker, hearback_deliver::BreakerRules::default());
    assert_eq!(config.sources[0].requests_per_second, Some(500));
    assert_eq!(config.sources[0].body_bytes_max, 25 << 20);
    assert!(config.server.admin.is_some() && config.server.public_url.is_some());
    let send = &config.to_shown()["sources"]["mailgun-eu"]["send"];
    assert_eq!((&send["key"], &send["timeout_s"]), (&"env:MG_SENDING_KEY".into(), &30.into()));
}

/// Every provider that can send, with keys that are shown nowhere; and those that cannot.
#[test]
fn sending_is_configured_beside_the_source() {
    let key = "geheim-geheim-geheim-geheim";
    let further = |name: &str| match name {
        "mailgun" => "domain = \"mg.example.com\"\n",
        "twilio" => "account_sid = \"AC0123\"\n",
        _ => "",
    };
    let mut able = Vec::new();
    for provider in hearback_providers::PROVIDERS {
        let name = provider.name();
        let table =
            format!("[sources.{name}.send]\nkey = \"{key}\"\nfrom = \"a@x.example\"\n{}", further(name));
        let options = provider.trial_options(&mut |bytes| bytes.fill(7));
        let options: Vec<_> = options.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        let options = options.concat();
        let options = if options.contains('{') { continue } else { options };
        let source = format!(
            "[server]\npublic_url = \"https://x.example\"\n[sources.{name}]\nprovider = \"{name}\"\n{options}"
        );
        let bench = Bench::new(&format!("{source}{table}"));
        if provider.sender(&hearback_providers::Options::default()).is_none() {
            assert!(bench.complaints().contains("Hearback cannot send through"), "{}", bench.complaints());
            continue;
        }
        able.push(name);
        assert!(!bench.complaints().contains("problem"), "{name}: {}", bench.complaints());
        let shown = bench.load().config.unwrap().to_shown();
        assert_eq!(shown["sources"][name]["send"]["from"], "a@x.example");
        assert!(!shown.to_string().contains(key) && !bench.complaints().contains(key));
        let variable = format!("HEARBACK__SOURCES__{}__SEND__KEY", name.to_uppercase());
        let further = format!("{source}[sources.{name}.send]\n{}", further(name));
        let overlaid = Bench::new(&further).with(&variable, "env:ELSEWHERE").with("ELSEWHERE", key);
        assert!(
            overlaid.load().config.unwrap().sources[0].send.is_some(),
            "{name}: {}",
            overlaid.complaints()
        );
        let wrong = Bench::new(&format!("{source}[sources.{name}.send]\nkyy = \"{key}\"\ntimeout_s = 0\n"));
        let complaints = wrong.complaints();
        assert!(complaints.contains("unknown key `kyy`") && complaints.contains("timeout_s"), "{complaints}");
        assert!(!complaints.contains(key), "{complaints}");
    }
    assert_eq!(able, ["mailgun", "mandrill", "sendgrid", "resend", "twilio", "postmark"]);
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[test]
fn well_known_variables_make_sources_unless_the_file_has_one_of_the_provider() {
    let key = "0123456789abcdef0123456789abcdef";
    let bench = Bench::bare()
        .with("MAILGUN_WEBHOOK_SIGNING_KEY", key)
        .with("POSTMARK_WEBHOOK_USER", "hearback")
        .with("POSTMARK_WEBHOOK_PASSWORD", key)
        .with("TWILIO_AUTH_TOKEN", "")
        .with("HEARBACK_PUBLIC_URL", "https://hooks.example.com");
    assert_eq!(bench.complaints(), "");
    let config = bench.load().config.unwrap();
    let names: Vec<&str> = config.sources.iter().map(|source| source.name().as_ref()).collect();
    assert_eq!(names, ["mailgun", "postmark"]);
    assert!(!config.trial);
    assert_eq!(config.sources[0].body_bytes_max, 25 << 20, "Mailgun sends inbound mail here, too");

    let file = format!("[sources.mg]\nprovider = \"mailgun\"\nkeys = \"{key}\"\ninbound = false\n");
    let bench = Bench::new(&file).with("MAILGUN_WEBHOOK_SIGNING_KEY", key);
    let config = bench.load().config.unwrap();
    assert_eq!(config.sources.len(), 1);
    assert_eq!((config.sources[0].name().as_ref(), config.sources[0].body_bytes_max), ("mg", 5 << 20));
}

#[test]
fn variables_win_over_the_file_and_arguments_over_both() {
    let mut bench = Bench::new(FULL)
        .with("MG_KEY", "0123456789abcdef0123456789abcdef")
        .with("HEARBACK__SERVER__LISTEN", "127.0.0.1:1")
        .with("HEARBACK__SOURCES__MAILGUN_EU__KEYS", "[\"env:MG_KEY\"]")
        .with("HEARBACK__SOURCES__MAILGUN_EU__REQUESTS_PER_SECOND", "11")
        .with("HEARBACK__SOURCES__NEW_ONE__PROVIDER", "standard-webhooks")
        .with("HEARBACK__SOURCES__NEW_ONE__KEYS", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert_eq!(bench.complaints(), "");
    let config = bench.load().config.unwrap();
    assert_eq!(config.server.listen.port(), 1);
    let source = |name: &str| config.sources.iter().find(|source| source.name().as_ref() == name).unwrap();
    assert_eq!(source("mailgun-eu").requests_per_second, Some(11));
    assert_eq!(source("mailgun-eu").keys, 1);
    assert_eq!(source("new-one").provider.name(), "standard-webhooks");
    bench.inputs.listen = Some("127.0.0.1:2".to_owned());
    assert_eq!(bench.load().config.unwrap().server.listen.port(), 2);
}

#[test]
fn trial_sources_where_nothing_is_configured() {
    let bench = Bench::bare().trial(Trial::Existing);
    assert!(bench.load().config.unwrap().sources.is_empty());
    let bench = bench.trial(Trial::Make);
    assert_eq!(bench.complaints(), "");
    let config = bench.load().config.unwrap();
    assert!(config.trial);
    assert_eq!(config.sources.len(), PROVIDERS.len());
    let options = |config: &super::super::Config| -> Vec<_> {
        config.sources.iter().map(|source| source.options.get("keys").cloned()).collect()
    };
    let again = bench.trial(Trial::Existing).load().config.unwrap();
    assert_eq!(options(&config), options(&again), "trial keys stay the same");
}

/// Commands that need the database only work where keys are not at hand.
#[test]
fn the_database_is_found_though_sources_are_broken() {
    let mut bench = Bench::new("[storage]\nurl = \"sqlite:x.db\"\n[sources.a]\nkeys = \"env:NOT_SET\"\n");
    let shown = |bench: &Bench| load_storage(&bench.inputs).unwrap().database.to_string();
    assert_eq!(shown(&bench), format!("sqlite:{}", bench.path().join("data/x.db").display()));
    bench.inputs.data = Some("/srv/hearback".into());
    assert_eq!(shown(&bench), "sqlite:/srv/hearback/x.db");
}
