//! The whole way: a real server on a real socket with a real database, all providers, all scenarios, everything verified.

use std::path::Path;
use std::sync::Arc;

use hearback_providers::crypto;
use hearback_server::{Listeners, LocalApi};
use hearback_store::sqlite::{self, SqliteOptions};
use hearback_store::{NewToken, Store};

use super::*;
use crate::client::Client;
use crate::config::Inputs;
use crate::{show, wiring};

const TOKEN: &str = "hb_for_this_test_only_0123456789";

fn config(folder: &Path, listen: &str) -> Config {
    let inputs = Inputs {
        folder: folder.to_owned(),
        listen: Some(listen.to_owned()),
        trial: Trial::Make,
        ..Inputs::default()
    };
    let loaded = config::load(&inputs);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    loaded.config.unwrap_or_else(|| panic!("{problems:?}"))
}

fn args(of: &str, scenario: Vec<Scenario>) -> SimulateArgs {
    SimulateArgs {
        of: of.to_owned(),
        event: None,
        count: 25,
        rate: None,
        scenario,
        url: None,
        source: None,
        verify: true,
        api_url: None,
        token: Some(TOKEN.to_owned()),
        seed: Some(7),
        json: true,
        i_know: false,
    }
}

async fn store(folder: &Path) -> Arc<dyn Store> {
    let store = sqlite::open(&SqliteOptions::new(folder.join("hearback.db"))).unwrap();
    let hash = crypto::sha256(&[TOKEN.as_bytes()]);
    let token = NewToken { name: "test".into(), scope: "admin".into(), hash, created_at: Timestamp::now() };
    store.add_token(token).await.unwrap();
    Arc::new(store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_simulated_is_found_for_every_provider() {
    let folder = tempfile::tempdir().unwrap();
    let listeners = Listeners::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let listen = listeners.public.local_addr().unwrap().to_string();
    let store = store(folder.path()).await;
    let settings = wiring::settings(config(folder.path(), &listen), &store);
    let metrics = hearback_server::install_metrics().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server =
        tokio::spawn(hearback_server::run_on(listeners, settings, Arc::clone(&store), metrics, async {
            drop(stopped.await);
        }));

    let config = config(folder.path(), &listen);
    assert!(!config.sources.is_empty());
    let everything =
        [Scenario::Duplicates, Scenario::Reorder, Scenario::Late, Scenario::Forged, Scenario::Broken];
    for source in &config.sources {
        for scenarios in [Vec::new(), everything.to_vec()] {
            let args = args(source.name(), scenarios);
            let target = Target::of(&args, &config).unwrap();
            check(&args, source, &target).unwrap();
            let done = simulate(&args, &config, source, &target).await.unwrap();
            let report = done.report(source);
            assert!(report.is_clean(), "{}", serde_json::to_string_pretty(&report).unwrap());
        }
    }
    let api = LocalApi::new(wiring::settings(config, &store).sources, Vec::new(), None, Arc::clone(&store));
    every_question_can_be_asked(&Client::Local(api)).await;
    every_question_can_be_asked(&Client::server(&format!("http://{listen}"), Some(TOKEN)).unwrap()).await;
    let report = store.rebuild(true, Box::new(|_, _| ())).await.unwrap();
    assert_eq!((report.different, report.differences), (0, Vec::new()));
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

/// The same answers from the file and from the server.
async fn every_question_can_be_asked(client: &Client) {
    let events = client.list(&["v1", "events"], &[("type", "bounced".to_owned())]).await.unwrap();
    let event = &show::list(&events, "/data")[0];
    let id = show::text(event, "/message/id");
    let found = client.get(&["v1", "messages", &id], &[]).await.unwrap().unwrap();
    let now = Timestamp::now();
    let page = show::message_page(&found, show::Looks::default(), now);
    assert!(page.contains("decided the status"), "{page}");
    let address = show::text(event, "/recipient");
    let found = client.get(&["v1", "recipients", &address], &[]).await.unwrap().unwrap();
    assert!(show::recipient_page(&found, &[], show::Looks::default(), now).contains(&address));
    let booking = show::text(event, "/labels/booking_id");
    let timeline = crate::commands::timeline::whole(client, "booking_id", &booking).await.unwrap();
    assert!(show::timeline_page(&timeline, show::Looks::default(), now).contains("bounced"));
    assert!(client.get(&["v1", "messages", "msg_00000000000000000000000000"], &[]).await.unwrap().is_none());
    assert!(client.list(&["v1", "events"], &[("limit", "0".to_owned())]).await.is_err());
    let quarantine = client.list(&["v1", "quarantine"], &[]).await.unwrap();
    let number = show::text(&show::list(&quarantine, "/data")[0], "/id");
    let tried = client.post(&["v1", "quarantine", &number, "retry"], &[]).await.unwrap().unwrap();
    assert_eq!(show::number(&tried, "/admitted"), 0, "a forged request must not get in later: {tried}");
    assert!(client.delete(&["v1", "quarantine", &number]).await.unwrap().is_some());
    assert!(client.delete(&["v1", "quarantine", &number]).await.unwrap().is_none());
}
