//! What is wrong, and what is said about it.

use super::Bench;

const KEY: &str = "0123456789abcdef0123456789abcdef";

#[track_caller]
fn says(toml: &str, expected: &str) {
    let bench = Bench::new(toml);
    bench.write("empty-key", " \n", 0o600);
    bench.write("open-key", KEY, 0o644);
    let complaints = bench.complaints();
    assert_eq!(complaints.trim(), expected.trim(), "\n--- said:\n{complaints}--- for:\n{toml}");
}

#[test]
fn a_file_that_is_no_toml() {
    says(
        "[server]\nlisten = \nworkers = 1\nworkers = 2\nlog = \"x\n",
        "
problem hearback.toml:2:10: this is not TOML: string values must be quoted, expected literal string
problem hearback.toml:4:1: this is not TOML: duplicate key
problem hearback.toml:5:9: this is not TOML: invalid basic string, expected `\"`
",
    );
}

#[test]
fn every_problem_of_the_sections_at_once() {
    says(
        "
[server]
lisen = \"127.0.0.1:8025\"
listen = 8025
public_url = \"hooks.example.com\"
trusted_proxies = [\"10.0.0.0/8\", \"ten\", 7]
workers = 0
read_timeout_s = \"20\"
zebra = 1
[admin]
listen = \"::1\"
[storage]
url = \"mysql://db\"
[quarantine]
entries_max = -1
bytes_max = \"lots\"
[log]
format = \"jsn\"
level = \"a=b=c\"
[sorces.mailgun]
",
        "
problem hearback.toml:3:1: unknown key `lisen` in [server]; did you mean `listen`?
problem hearback.toml:4:10: `listen`: expected text in quotes, found a number
problem hearback.toml:5:14: `public_url`: expected a URL, such as \"https://hooks.example.com\"
problem hearback.toml:6:34: `trusted_proxies`: expected a network or an address, such as \"10.0.0.0/8\" or \"192.0.2.7\"
problem hearback.toml:6:41: `trusted_proxies`: expected a list of texts, found a number in it
problem hearback.toml:7:11: `workers`: expected a whole number from 1 to 1024
problem hearback.toml:8:18: `read_timeout_s`: expected a whole number from 1 to 3600
problem hearback.toml:9:1: unknown key `zebra` in [server]; known are `listen`, `public_url`, `trusted_proxies`, `workers`, `connections_max`, `headers_max`, `json_depth_max`, `form_fields_max`, `in_flight_bytes_max`, `read_timeout_s`, `drain_timeout_s`, `quarantined_per_second`
problem hearback.toml:11:10: `listen`: expected an IP address and a port, such as \"127.0.0.1:8025\" or \"0.0.0.0:8025\"
problem hearback.toml:13:7: `url`: expected \"sqlite:\" and a path, such as \"sqlite:hearback.db\", or a URL such as \"postgres://user:password@host:5432/database\"
problem hearback.toml:15:15: `entries_max`: expected a whole number from 1 to 10000000
problem hearback.toml:16:13: `bytes_max`: expected a size such as \"5 MiB\" or a number of bytes
problem hearback.toml:18:10: `format`: expected one of \"text\", \"json\"; did you mean \"json\"?
problem hearback.toml:19:9: `level`: expected error, warn, info, debug, trace, or a filter such as \"info,hearback_store=debug\"
problem hearback.toml:20:2: unknown key `sorces` in the configuration; did you mean `sources`?
",
    );
}

#[test]
fn origins_are_as_browsers_send_them() {
    says(
        "[admin]\ncors_origins = [\"*\", \"https://a.example/\", \"https://A.example\", \"https://a.example:443\", \"a.example\"]\n",
        "
problem hearback.toml:2:17: `cors_origins`: name each origin: `*` would let every page on the web ask
problem hearback.toml:2:22: `cors_origins`: expected scheme, host and port only, as browsers send them, such as \"https://desk.example.com\"
problem hearback.toml:2:44: `cors_origins`: expected scheme, host and port only, as browsers send them, such as \"https://desk.example.com\"
problem hearback.toml:2:65: `cors_origins`: expected scheme, host and port only, as browsers send them, such as \"https://desk.example.com\"
problem hearback.toml:2:90: `cors_origins`: expected a URL, such as \"https://hooks.example.com\"
",
    );
}

#[test]
fn retention_that_would_break_what_is_promised() {
    says(
        "
[storage]
dedup_days = 40
[retention]
events_days = 40
payloads_days = 90
quarantine_days = 0
",
        "
problem hearback.toml:5:15: `events_days` is 40, but a retry is recognised by the event that it repeats for 40 days (`dedup_days` of [storage]); write at least 41
problem hearback.toml:7:19: `quarantine_days`: expected a whole number from 1 to 36500
warning hearback.toml:6:17: `payloads_days` is 90, but raw requests go with their events after 40 days
",
    );
}

#[test]
fn sections_that_are_no_tables() {
    says(
        "server = 1\nsources = []\n",
        "
problem hearback.toml:1:1: `server` is a table: write `[server]` and its keys below
problem hearback.toml:2:1: write one table per source: `[sources.mailgun]` and its keys below
",
    );
}

#[test]
fn every_problem_of_a_source_at_once() {
    says(
        "
[sources.mailgun-eu]
provider = \"mailgun\"
kyes = \"env:MG_KEY\"
mdoe = \"enforce\"
zebra = 1
paths = [\"hook\", \"/a?b\", \"/v1/events\"]
account = \" \"
unknown_message = \"drop\"
body_max = \"1 GiB\"
requests_per_second = 0
public_url = \"ftp://x\"
inbound = \"yes\"
",
        "
problem hearback.toml:4:1: unknown key `kyes` in [sources.mailgun-eu]; did you mean `keys`?
problem hearback.toml:4:8: the environment variable `MG_KEY` is not set; set it, or take `env:MG_KEY` out
problem hearback.toml:5:1: unknown key `mdoe` in [sources.mailgun-eu]; did you mean `mode`?
problem hearback.toml:6:1: unknown key `zebra` in [sources.mailgun-eu]; known are `keys`, `max_age`, `provider`, `account`, `mode`, `paths`, `unknown_message`, `public_url`, `requests_per_second`, `body_max`, `inbound`, `send`
problem hearback.toml:7:10: `paths`: expected a path beginning with `/`, such as \"/mailgun-webhook/\"
problem hearback.toml:7:18: `paths`: expected a plain path without `?`, `#`, braces, `*` and spaces
problem hearback.toml:7:26: `paths`: Hearback itself answers on this path; choose another
problem hearback.toml:8:11: `account`: is empty; leave it out
problem hearback.toml:9:19: `unknown_message`: expected one of \"store\", \"reject\"
problem hearback.toml:10:12: `body_max`: expected 1 KiB to 256 MiB
problem hearback.toml:11:23: `requests_per_second`: expected a whole number from 1 to 1000000
problem hearback.toml:12:14: `public_url`: expected a URL, such as \"https://hooks.example.com\", beginning with https:// (or http://)
problem hearback.toml:13:11: `inbound`: expected true or false, found text
",
    );
}

#[test]
fn providers_names_and_paths() {
    says(
        &format!(
            "
[sources.Health]
provider = \"mailgunn\"
[sources.health]
keys = \"{KEY}\"
[sources.a]
provider = \"mailgun\"
keys = \"{KEY}\"
paths = [\"/x/\", \"/x\"]
[sources.b]
provider = \"zebra\"
paths = [\"/x\", \"/webhooks/a\"]
[sources.c]
provider = \"resend\"
keys = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"
inbound = true
[sources.hearback]
provider = \"mailgun\"
keys = \"{KEY}\"
"
        ),
        "
problem hearback.toml:2:10: a source is named with up to 64 lower-case letters, digits, `-`, `_` and `.`, such as `mailgun-eu`
problem hearback.toml:3:12: `provider`: there is no such provider; did you mean \"mailgun\"?
problem hearback.toml:4:10: `health` is taken by /webhooks/health; name the source otherwise
problem hearback.toml:4:10: `provider` is missing; it is one of `mailgun`, `mandrill`, `sendgrid`, `resend`, `twilio`, `postmark`, `standard-webhooks`, `generic`
problem hearback.toml:11:12: `provider`: there is no such provider; known are `mailgun`, `mandrill`, `sendgrid`, `resend`, `twilio`, `postmark`, `standard-webhooks`, `generic`
problem hearback.toml:12:10: `/x` is a path of the source `a` already; every source needs its own
problem hearback.toml:12:16: `/webhooks/a` is a path of the source `a` already; every source needs its own
problem hearback.toml:16:11: Resend sends no inbound mail here; leave `inbound` out
problem hearback.toml:17:10: `hearback` is what Hearback itself is called in the log; name the source otherwise
",
    );
}

#[test]
fn secrets_that_are_not_there() {
    says(
        "
[sources.a]
provider = \"mailgun\"
keys = [\"env:NOT_SET\", \"file:not-there\", \"file:empty-key\"]
[sources.b]
provider = \"mailgun\"
keys = \"file:open-key\"
",
        "
problem hearback.toml:4:9: the environment variable `NOT_SET` is not set; set it, or take `env:NOT_SET` out
problem hearback.toml:4:24: cannot read the secret file not-there: No such file or directory (os error 2)
problem hearback.toml:4:42: the secret file empty-key is empty; write the secret into it
warning hearback.toml:7:8: every user of this machine can read this secret; run `chmod o-r open-key`
",
    );
}

#[test]
fn problems_deep_in_a_generic_source() {
    says(
        "
[sources.acme]
provider = \"generic\"
evnets = \"/events\"
[[sources.acme.auth]]
kind = \"hmac\"
header = \"X-Signature\"
secrets = [\"env:ACME\"]
algoritm = \"sha256\"
[[sources.acme.auth]]
kind = \"hmca\"
[sources.acme.map]
type = \"/type\"
",
        "
problem hearback.toml:4:1: unknown key `evnets` in [sources.acme]; did you mean `events`?
problem hearback.toml:8:12: the environment variable `ACME` is not set; set it, or take `env:ACME` out
problem hearback.toml:9:12: unknown key `auth[0].algoritm` in [sources.acme]; did you mean `algorithm`?
problem hearback.toml:11:8: `auth[1].kind`: expected one of: hmac, ed25519, rsa-sha256, rsa-sha1, basic, header, query, ip
",
    );
}

#[test]
fn modes_that_check_nothing_need_a_word_on_the_command_line() {
    let toml = format!("[sources.a]\nprovider = \"mailgun\"\nkeys = \"{KEY}\"\nmode = \"off\"\n");
    says(
        &toml,
        "problem hearback.toml:4:8: `mode = \"off\"` accepts whatever anybody sends; \"shadow\" accepts and still checks. \
         If you mean it, start with `--insecure-no-verify` on the command line",
    );
    let mut bench = Bench::new(&toml);
    bench.inputs.insecure_no_verify = true;
    assert_eq!(bench.complaints(), "");
}

#[test]
fn what_works_but_should_be_known() {
    says(
        "
[server]
listen = \"0.0.0.0:8025\"
[sources.mandrill]
provider = \"mandrill\"
keys = \"short\"
[sources.b]
provider = \"mailgun\"
keys = \"0123456789abcdef\"
public_url = \"http://hooks.example.com/b\"
",
        "
warning hearback.toml:3:10: API and metrics are served on this address, too, which other machines can reach; set `[admin] listen = \"127.0.0.1:8026\"` to serve webhooks and nothing else on it
warning hearback.toml:4:10: Mandrill (Mailchimp Transactional) signs the URL to which it sends: set `public_url` in [server] or [sources.mandrill] to the one that it is given, or every request will be refused
warning hearback.toml:4:10: mandrill: 1 key(s) shorter than 16 bytes: easily guessed
warning hearback.toml:10:14: `public_url` is not encrypted: whoever is on the way reads the events and, of some providers, the credentials; use https://
",
    );
}

#[test]
fn a_file_that_is_not_there() {
    let mut bench = Bench::bare();
    bench.inputs.file = Some("other.toml".into());
    assert_eq!(
        bench.complaints(),
        "problem other.toml: there is no such file; `hearback config default` prints one to begin with\n"
    );
}

#[test]
fn problems_in_the_environment_name_the_variable() {
    let bench = Bench::bare()
        .with("HEARBACK_LISTEN", "here")
        .with("HEARBACK__SERVER__WRKERS", "2")
        .with("HEARBACK__SOURCES__MG_EU__PROVIDER", "mailgun")
        .with("HEARBACK__SOURCES__MG_EU__MODE", "strict")
        .with("HEARBACK__SOURCES__MG_EU__KEYS", "env:MG_KEY")
        .with("RESEND_WEBHOOK_SECRET", "not a secret of Resend");
    let complaints = bench.complaints();
    for expected in [
        "problem $HEARBACK_LISTEN: `listen`: expected an IP address and a port",
        "problem $HEARBACK__SERVER__WRKERS: unknown key `wrkers` in [server]; did you mean `workers`?",
        "problem $HEARBACK__SOURCES__MG_EU__MODE: `mode`: expected one of \"enforce\", \"shadow\", \"off\"",
        "problem $HEARBACK__SOURCES__MG_EU__KEYS: the environment variable `MG_KEY` is not set",
        "problem $RESEND_WEBHOOK_SECRET: `keys`",
    ] {
        assert!(complaints.contains(expected), "{expected}\n--- not in:\n{complaints}");
    }
    assert!(!complaints.contains("not a secret of Resend"), "{complaints}");
}
