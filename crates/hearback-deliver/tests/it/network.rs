//! Addresses that must not be connected to.

use hearback_deliver::{Guard, parse_url};

use crate::receiver::Receiver;
use crate::world::{World, options, with_options};

async fn refused(url: &str, guard: Guard) -> String {
    let world = World::new();
    let options = hearback_deliver::WebhookOptions { guard, ..options(url) };
    let running = world.start(vec![with_options("crm", options)]).await;
    world.add(0..1).await;
    let state = world.until("crm", |state| state.last_failure.is_some()).await;
    running.stop().await;
    state.last_failure.unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_an_address_nor_a_name_leads_into_the_own_network() {
    let receiver = Receiver::willing().await;
    let port = receiver.address.port();
    for host in ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "localhost"] {
        let why = refused(&format!("http://{host}:{port}/hook"), Guard::default()).await;
        assert!(why.contains("is an address of this machine and is not connected to"), "{host}: {why}");
        assert!(why.contains("allow_networks"), "{host}: {why}");
    }
    assert!(receiver.got().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_is_connected_to_by_address_and_by_name() {
    for host in ["127.0.0.1", "localhost"] {
        let (world, receiver) = (World::new(), Receiver::willing().await);
        let url = format!("http://{host}:{}/hook", receiver.address.port());
        let running = world.start(vec![with_options("crm", options(&url))]).await;
        world.add(0..1).await;
        receiver.until_taken(1).await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_said_in_words() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret-path?token=secret", listener.local_addr().unwrap());
    drop(listener);
    let why = refused(&url, crate::world::loopback()).await;
    assert!(why.starts_with("cannot connect: ") && why.to_lowercase().contains("refused"), "{why}");
    assert!(!why.contains("secret"), "{why}");
}

#[test]
fn a_url_is_looked_at_when_it_is_read() {
    let read = |text: &str| parse_url(text, &Guard::default());
    assert!(read("https://example.com/hook").is_ok());
    assert!(read("ftp://example.com").unwrap_err().contains("https://"));
    assert!(read("example.com").unwrap_err().contains("no URL"));
    assert!(read("http://10.0.0.1/").unwrap_err().contains("a private address"));
}
