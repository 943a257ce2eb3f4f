//! Users, sessions and the audit log, on every database.

use std::sync::Arc;

use hearback_store::{
    Accounts, AuditEntry, Identity, LogStore, NewSession, NewUser, Role, Store as _, UserChange, UserSession,
};

use crate::support::{Home, on_every_store, second};

fn open(home: &Home) -> Arc<LogStore> {
    Arc::new(home.database().open().unwrap())
}

fn new_user(name: &str, role: Role) -> NewUser {
    let password = Some(format!("hash of {name}"));
    NewUser { name: name.to_owned(), role, password, identity: None, created_at: second(1) }
}

fn identity(issuer: &str, subject: &str) -> Identity {
    Identity { issuer: issuer.to_owned(), subject: subject.to_owned() }
}

fn new_session(user_id: u64, hash: u8, at: i64, expires: i64) -> NewSession {
    NewSession {
        user_id,
        hash: [hash; 32],
        created_at: second(at),
        expires_at: second(expires),
        remote: Some("192.0.2.1".to_owned()),
        agent: None,
    }
}

fn ids(sessions: &[UserSession]) -> Vec<u64> {
    sessions.iter().map(|session| session.id).collect()
}

async fn names_are_unique_and_users_survive_a_restart(home: &Home) {
    let store = open(home);
    assert_eq!(store.users().await.unwrap(), []);
    let zoe = store.add_user(new_user("zoe@x.example", Role::Viewer)).await.unwrap().unwrap();
    assert!(store.add_user(new_user("zoe@x.example", Role::Admin)).await.unwrap().is_none());
    let ann = store.add_user(new_user("ann", Role::Admin)).await.unwrap().unwrap();
    assert_ne!(zoe.id, ann.id);
    store.close().await.unwrap();
    drop(store);
    let store = open(home);
    assert_eq!(store.users().await.unwrap(), [ann.clone(), zoe.clone()]);
    assert_eq!(store.user("ann".to_owned()).await.unwrap(), Some(ann.clone()));
    assert_eq!(store.user("Ann".to_owned()).await.unwrap(), None);
    assert!(store.remove_user(ann.id).await.unwrap() && !store.remove_user(ann.id).await.unwrap());
    assert_eq!(store.users().await.unwrap(), [zoe]);
}

async fn only_one_is_the_first(home: &Home) {
    let store = open(home);
    let tries = (0..8).map(|n| store.add_first_user(new_user(&format!("user{n}"), Role::Admin)));
    let made: Vec<_> = futures_util::future::join_all(tries).await;
    assert_eq!(made.into_iter().filter(|made| made.as_ref().unwrap().is_some()).count(), 1);
    for n in 10..13 {
        assert!(store.add_user(new_user(&format!("user{n}"), Role::Viewer)).await.unwrap().is_some());
    }
    assert_eq!(store.users().await.unwrap().len(), 4);
    assert!(store.add_first_user(new_user("late", Role::Admin)).await.unwrap().is_none());
    for user in store.users().await.unwrap() {
        assert!(store.remove_user(user.id).await.unwrap());
    }
    assert!(store.add_first_user(new_user("again", Role::Admin)).await.unwrap().is_some());
}

async fn an_identity_is_one_users(home: &Home) {
    let store = open(home);
    let (here, there) = (identity("https://a.example", "1"), identity("https://b.example", "1"));
    let new = |name: &str, identity: &Identity| NewUser {
        password: None,
        identity: Some(identity.clone()),
        ..new_user(name, Role::Viewer)
    };
    let ann = store.add_user(new("ann", &here)).await.unwrap().unwrap();
    assert_eq!((ann.password.as_deref(), ann.identity.as_ref()), (None, Some(&here)));
    assert!(store.add_user(new("another", &here)).await.unwrap().is_none(), "the identity is taken");
    assert!(store.add_user(new("ann", &there)).await.unwrap().is_none(), "the name is taken");
    let bob = store.add_user(new("bob", &there)).await.unwrap().unwrap();
    let cid = store.add_user(new_user("cid", Role::Viewer)).await.unwrap().unwrap();
    let dan = store.add_user(new_user("dan", Role::Viewer)).await.unwrap().unwrap();
    assert_eq!(store.identified(here.clone()).await.unwrap(), Some(ann.clone()));
    assert_eq!(store.identified(there.clone()).await.unwrap(), Some(bob));
    for nobody in [identity("https://a.example", "2"), identity("https://c.example", "1")] {
        assert_eq!(store.identified(nobody).await.unwrap(), None);
    }
    let session = store.begin_session(new_session(ann.id, 1, 10, 100)).await.unwrap();
    let rename = |name: &str| store.change_user(ann.id, UserChange::Name(name.to_owned()), None);
    assert!(!rename("bob").await.unwrap(), "the name is taken");
    assert!(rename("ann").await.unwrap() && rename("anna").await.unwrap());
    let identify = |id, as_who: &Identity| store.change_user(id, UserChange::Identity(as_who.clone()), None);
    assert!(!identify(cid.id, &here).await.unwrap(), "the identity is taken");
    assert!(identify(cid.id, &identity("https://a.example", "3")).await.unwrap());
    assert!(identify(dan.id, &identity("https://a.example", "4")).await.unwrap());
    let found = store.identified(here).await.unwrap().unwrap();
    assert_eq!((found.id, found.name.as_str()), (ann.id, "anna"));
    let cid = store.identified(identity("https://a.example", "3")).await.unwrap().unwrap();
    assert_eq!(cid.password.as_deref(), Some("hash of cid"), "both ways are open");
    assert_eq!(ids(&store.sessions(None, second(20)).await.unwrap()), [session], "a name signs nobody out");
}

async fn sessions_end(home: &Home) {
    let store = open(home);
    let ann = store.add_user(new_user("ann", Role::Admin)).await.unwrap().unwrap();
    let bob = store.add_user(new_user("bob", Role::Viewer)).await.unwrap().unwrap();
    let first = store.begin_session(new_session(ann.id, 1, 10, 100)).await.unwrap();
    let second_one = store.begin_session(new_session(ann.id, 2, 20, 200)).await.unwrap();
    let of_bob = store.begin_session(new_session(bob.id, 3, 30, 300)).await.unwrap();
    let (session, user) = store.session([1; 32], second(99)).await.unwrap().unwrap();
    assert_eq!((session.id, session.user_id, user.name.as_str()), (first, ann.id, "ann"));
    assert_eq!((session.seen_at, session.remote.as_deref()), (second(10), Some("192.0.2.1")));
    assert!(store.session([1; 32], second(100)).await.unwrap().is_none(), "it has ended");
    assert!(store.session([9; 32], second(50)).await.unwrap().is_none(), "nobody has it");
    store.extend_session(first, second(90), second(190)).await.unwrap();
    let (session, _) = store.session([1; 32], second(100)).await.unwrap().unwrap();
    assert_eq!((session.seen_at, session.expires_at), (second(90), second(190)));
    assert_eq!(ids(&store.sessions(Some(ann.id), second(100)).await.unwrap()), [first, second_one]);
    assert_eq!(ids(&store.sessions(None, second(195)).await.unwrap()), [of_bob, second_one]);
    assert!(store.end_session(of_bob).await.unwrap() && !store.end_session(of_bob).await.unwrap());
    assert!(store.session([3; 32], second(50)).await.unwrap().is_none());
    // What has ended is forgotten when another begins.
    store.begin_session(new_session(bob.id, 4, 250, 300)).await.unwrap();
    assert_eq!(home.rows("sessions"), 1);
    assert!(store.remove_user(bob.id).await.unwrap());
    assert_eq!(home.rows("sessions"), 0);
}

async fn a_changed_user_is_signed_out_elsewhere(home: &Home) {
    let store = open(home);
    let ann = store.add_user(new_user("ann", Role::Admin)).await.unwrap().unwrap();
    let bob = store.add_user(new_user("bob", Role::Viewer)).await.unwrap().unwrap();
    let here = store.begin_session(new_session(ann.id, 1, 10, 100)).await.unwrap();
    store.begin_session(new_session(ann.id, 2, 10, 100)).await.unwrap();
    let of_bob = store.begin_session(new_session(bob.id, 3, 10, 100)).await.unwrap();
    let change = UserChange::Password("another hash".to_owned());
    assert!(store.change_user(ann.id, change, Some(here)).await.unwrap());
    assert_eq!(
        store.user("ann".to_owned()).await.unwrap().unwrap().password.as_deref(),
        Some("another hash")
    );
    assert_eq!(ids(&store.sessions(None, second(20)).await.unwrap()), [of_bob, here]);
    assert!(store.change_user(bob.id, UserChange::Role(Role::Operator), None).await.unwrap());
    assert_eq!(store.user("bob".to_owned()).await.unwrap().unwrap().role, Role::Operator);
    assert_eq!(ids(&store.sessions(None, second(20)).await.unwrap()), [here]);
    assert!(!store.change_user(77, UserChange::Role(Role::Admin), None).await.unwrap());
}

async fn what_was_changed_is_paged(home: &Home) {
    let store = open(home);
    for n in 1..=5 {
        let entry = AuditEntry {
            id: 0,
            at: second(n),
            who: "ann".to_owned(),
            what: "quarantine.retry".to_owned(),
            detail: format!("number {n}"),
            remote: (n == 5).then(|| "192.0.2.1".to_owned()),
        };
        store.audit(entry).await.unwrap();
    }
    let page = store.audited(None, 2).await.unwrap();
    let of = |page: &[AuditEntry]| page.iter().map(|entry| entry.detail.clone()).collect::<Vec<_>>();
    assert_eq!(of(&page), ["number 5", "number 4"]);
    assert_eq!(
        (page[0].at, page[0].remote.as_deref(), page[1].remote.as_deref()),
        (second(5), Some("192.0.2.1"), None)
    );
    assert_eq!(of(&store.audited(Some(page[1].id), 10).await.unwrap()), ["number 3", "number 2", "number 1"]);
}

on_every_store! {
    names_are_unique_and_users_survive_a_restart,
    only_one_is_the_first,
    an_identity_is_one_users,
    sessions_end,
    a_changed_user_is_signed_out_elsewhere,
    what_was_changed_is_paged,
}
