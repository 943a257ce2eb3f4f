use hearback_event::Status;
use hearback_providers::{Options, PROVIDERS, Provider, Tamper};

use super::super::plan::Wish;
use super::super::{Scenario, Voice};
use super::*;

const URL: &str = "http://127.0.0.1:8025/webhooks/trial";
const EVERYTHING: [Scenario; 5] =
    [Scenario::Duplicates, Scenario::Reorder, Scenario::Late, Scenario::Forged, Scenario::Broken];

fn trial(provider: &'static dyn Provider) -> Options {
    let mut rng = super::super::rng::Rng::new(9);
    let mut random = |buffer: &mut [u8]| buffer.fill_with(|| rng.next() as u8);
    Options::new(provider.trial_options(&mut random))
}

/// Plans for one provider, and what must come of it.
fn expect(provider: &'static dyn Provider, scenarios: &[Scenario], only: Option<Kind>) -> (Plan, Expected) {
    let options = trial(provider);
    let (simulator, endpoint) = (provider.simulator(&options).unwrap(), provider.endpoint(&options).unwrap());
    let voice = Voicebox {
        simulator: simulator.as_ref(),
        endpoint: endpoint.as_ref(),
        contract: endpoint.contract().unwrap_or(*provider.contract()),
        url: URL.to_owned(),
    };
    let start = Timestamp::from_seconds(1_760_000_000).unwrap();
    let sample = Plan::sample(simulator.kinds()[0], start);
    let raw = simulator.request(&[sample], URL, start, Tamper::None);
    let event = voice.read(&raw, start).unwrap().remove(0);
    let phone = event.channel == hearback_event::Channel::Sms;
    let timed = event.occurred_at.is_some();
    let kinds = simulator.kinds();
    let wish = Wish { messages: 40, only, scenarios: scenarios.to_vec(), seed: 3, start };
    let plan = Plan::new(&wish, &Voice { kinds, timed, batch_limit: simulator.batch_limit(), phone });
    let expected =
        Expected::of(&plan, &voice, "trial", start).unwrap_or_else(|e| panic!("{}: {e}", provider.name()));
    (plan, expected)
}

#[test]
fn what_is_expected_follows_from_what_happens_for_every_provider() {
    for provider in PROVIDERS {
        let name = provider.name();
        let (plan, expected) = expect(*provider, &[], None);
        assert_eq!(expected.contradictions, Vec::<String>::new(), "{name}");
        assert_eq!(expected.messages.len(), 40, "{name}");
        assert_eq!(expected.events(), plan.happenings.len() as u64, "{name}");
        assert_eq!(expected.bookings.values().sum::<u64>(), expected.events(), "{name}");
        assert!(expected.refused.is_empty(), "{name}");
        let of_recipients: u64 =
            expected.recipients.values().flat_map(|one| one.state.counts.as_array()).sum();
        assert_eq!(of_recipients, expected.events(), "{name}");
        assert_eq!(expected.statuses().values().sum::<u64>(), 40, "{name}");
    }
}

#[test]
fn scenarios_add_nothing_but_what_is_broken_or_refused() {
    for provider in PROVIDERS {
        let name = provider.name();
        let (plan, expected) = expect(*provider, &EVERYTHING, None);
        assert_eq!(expected.contradictions, Vec::<String>::new(), "{name}");
        assert!(expected.unknown() > 0, "{name}");
        assert!(expected.refused.values().sum::<u64>() >= 4, "{name}: {:?}", expected.refused);
        let told = |role: fn(Role) -> bool| {
            plan.requests.iter().filter(|one| role(one.role)).map(|one| one.tells.len() as u64).sum::<u64>()
        };
        let (news, broken) = (told(Role::tells_news), told(|role| role == Role::Broken));
        assert!((news + 1..=news + 2 * broken).contains(&expected.events()), "{name}");
        let broken = plan.requests.iter().filter(|one| one.role == Role::Broken).count() as u64;
        assert_eq!(expected.unknown(), broken, "{name}: two broken requests count as one");
    }
}

#[test]
fn one_kind_gives_one_status() {
    for provider in PROVIDERS {
        let (_, expected) = expect(*provider, &[], Some(Kind::Delivered));
        assert_eq!(expected.statuses(), BTreeMap::from([(Status::Delivered, 40)]), "{}", provider.name());
    }
}
