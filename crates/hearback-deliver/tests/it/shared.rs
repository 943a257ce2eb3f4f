//! Several processes on one PostgreSQL.

use hearback_store::Database;
use hearback_store::postgres::PostgresOptions;

use crate::receiver::Receiver;
use crate::world::{World, destination};

/// A schema of its own on the server that `./test` starts.
struct Schema {
    name: String,
}

impl Schema {
    fn new() -> Self {
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        run(format!("CREATE SCHEMA {name}"));
        Self { name }
    }

    fn database(&self) -> Database {
        let base = server();
        let joint = if base.contains('?') { '&' } else { '?' };
        let url = format!("{base}{joint}options=-csearch_path%3D{}", self.name);
        Database::Postgres(PostgresOptions::new(&url).unwrap())
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        run(format!("DROP SCHEMA {} CASCADE", self.name));
    }
}

fn server() -> String {
    std::env::var("HEARBACK_TEST_POSTGRES").expect(
        "HEARBACK_TEST_POSTGRES is not set: these tests need a PostgreSQL server; `./test` starts one, and \
         `scripts/postgres run COMMAND...` does for any other command",
    )
}

fn run(sql: String) {
    let ask =
        move || postgres::Client::connect(&server(), postgres::NoTls).unwrap().batch_execute(&sql).unwrap();
    std::thread::spawn(ask).join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_push_is_made_by_one_process_and_another_takes_over_from_the_dead() {
    let schema = Schema::new();
    let receiver = Receiver::willing().await;
    let worlds = [World::on(&schema.database()), World::on(&schema.database())];
    let first = worlds[0].start(vec![destination("crm", &receiver)]).await;
    worlds[0].until("crm", |state| state.owner.is_some()).await;
    let second = worlds[1].start(vec![destination("crm", &receiver)]).await;
    for (n, world) in worlds.iter().enumerate() {
        let n = n as u64;
        world.add(n * 50..n * 50 + 50).await;
    }
    receiver.until_taken(100).await;
    worlds[0].until("crm", |state| state.cursor == 100).await;
    assert_eq!(receiver.got().len(), 100, "none was pushed twice");
    let owner = worlds[0].state("crm").await.owner;
    first.kill().await;
    worlds[1].add(100..110).await;
    receiver.until_taken(110).await;
    let state = worlds[1].until("crm", |state| state.cursor == 110).await;
    assert_ne!(state.owner, owner);
    // In order: whoever stops leaves it to others at once.
    second.stop().await;
    assert_eq!(worlds[1].state("crm").await.owner, None);
    let third = worlds[0].start(vec![destination("crm", &receiver)]).await;
    worlds[0].add(110..120).await;
    receiver.until_taken(120).await;
    third.stop().await;
    assert!(receiver.taken().values().all(|times| *times == 1));
}
