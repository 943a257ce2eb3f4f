//! Suppressing, lifting and checking by hand, and profiles, against the real store.

use http::StatusCode;
use serde_json::{Value, json};

use crate::hostile::{Server, encoded};

async fn add(server: &Server, addresses: &Value) -> Value {
    let body = json!({"addresses": addresses, "reason": "asked by phone"});
    let (status, added) = server.give("POST", "/v1/suppressions", &body).await;
    assert_eq!(status, 200, "{added}");
    added
}

async fn standing(server: &Server, address: &str) -> Value {
    let (status, standing) = server.get(&format!("/v1/suppressions/{}", encoded(address))).await;
    assert_eq!(status, 200, "{standing}");
    standing
}

async fn told(server: &Server, id: &str, kind: &str, to: &str) {
    let told = json!({"events": [{"id": id, "type": kind, "to": to, "message": id}]});
    assert_eq!(server.post(&told).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn suppressing_and_lifting_by_hand_says_who_and_why() {
    let server = Server::new().await;
    let added = add(&server, &json!(["Ann@x.example", "+1 (555) 123-4567", "ann@x.example"])).await;
    assert_eq!(added["created"], 2);
    let created: Vec<_> =
        added["data"].as_array().unwrap().iter().map(|one| one["created"].clone()).collect();
    assert_eq!(created, [true, true, false], "given twice, done once");
    assert_eq!(added["data"][1]["address"], "+15551234567");
    assert_eq!(added["data"][0]["suppression"]["reason"], "manual");
    let again = add(&server, &json!(["ann@x.example"])).await;
    assert_eq!(
        (&again["created"], &again["data"][0]["suppression"]["since"]),
        (&json!(0), &added["data"][0]["suppression"]["since"])
    );
    assert_eq!(server.events().await, 2, "what changes nothing is no event");
    let (_, sources) = server.get("/v1/sources").await;
    assert_eq!(sources["data"].as_array().unwrap().len(), 1, "people are no source: {sources}");

    told(&server, "1", "delivered", "ann@x.example").await;
    let ann = standing(&server, "ann@x.example").await;
    assert_eq!(
        (&ann["may_send"], &ann["by"], &ann["because"]),
        (&json!(false), &json!("t"), &json!("asked by phone"))
    );
    let event = &ann["history"][0];
    assert_eq!(
        (&event["type"], &event["origin"], &event["source"]),
        (&json!("message.suppression_changed"), &json!("application"), &json!("hearback"))
    );
    let (status, _) = server.get(&format!("/v1/events/{}/payload", event["id"].as_str().unwrap())).await;
    assert_eq!(status, 404, "there was no request to be kept");

    let (status, lifted) =
        server.give("DELETE", "/v1/suppressions/ANN@x.example?reason=called%20again", &Value::Null).await;
    assert_eq!((status.as_u16(), &lifted["was"]["reason"]), (200, &json!("manual")));
    assert!(lifted["note"].as_str().unwrap().contains("own list"), "{lifted}");
    let ann = standing(&server, "ann@x.example").await;
    assert_eq!(
        (&ann["may_send"], &ann["suppression"], &ann["by"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    let words: Vec<_> = ann["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["suppression"]["reason"].clone())
        .collect();
    assert_eq!(words, ["called again", "asked by phone"]);
    let (status, _) = server.give("DELETE", "/v1/suppressions/ann@x.example", &Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let again = add(&server, &json!(["ann@x.example"])).await;
    assert_eq!(
        (&again["created"], &again["data"][0]["suppression"]["reason"]),
        (&json!(1), &json!("manual"))
    );
    server.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_provider_told_is_lifted_until_it_tells_anew() {
    let server = Server::new().await;
    // The provider's clock is far ahead of ours.
    let ahead = json!({"events": [{"id": "1", "type": "complained", "to": "a@x.example", "message": "m", "at": 4_000_000_000_i64}]});
    assert_eq!(server.post(&ahead).await, 200);
    let before = standing(&server, "a@x.example").await;
    assert_eq!(
        (&before["suppression"]["reason"], &before["suppression"]["source"]),
        (&json!("complained"), &json!("one"))
    );
    let (status, _) = server.give("DELETE", "/v1/suppressions/a@x.example", &Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(standing(&server, "a@x.example").await["may_send"], true);
    let later = json!({"events": [{"id": "2", "type": "complained", "to": "a@x.example", "message": "m2", "at": 4_000_000_001_i64}]});
    assert_eq!(server.post(&later).await, 200);
    let after = standing(&server, "a@x.example").await;
    assert_eq!((&after["may_send"], after["history"].as_array().unwrap().len()), (&json!(false), 3));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_thousand_addresses_are_checked_at_once_in_the_order_given() {
    let server = Server::new().await;
    let nth = |n: usize| format!("p{n}@x.example");
    let suppressed: Vec<String> = (0..1000).filter(|n| n % 3 == 0).map(nth).collect();
    assert_eq!(add(&server, &json!(suppressed)).await["created"], suppressed.len());
    let mut asked: Vec<String> = (0..998).map(nth).collect();
    asked.extend(["  ".to_owned(), "P3@X.example".to_owned()]);
    let (status, checked) = server.give("POST", "/v1/suppressions/check", &json!({"addresses": asked})).await;
    assert_eq!(status, 200);
    let data = checked["data"].as_array().unwrap();
    assert_eq!(data.len(), asked.len());
    for (n, (one, given)) in data.iter().zip(&asked).enumerate().take(998) {
        assert_eq!((&one["given"], &one["may_send"]), (&json!(given), &json!(n % 3 != 0)), "{one}");
        assert_eq!(one["suppression"].is_null(), n % 3 != 0);
    }
    let (bad, upper) = (&data[998], &data[999]);
    assert_eq!(
        (&bad["may_send"], &bad["address"], &bad["error"]),
        (&json!(false), &Value::Null, &json!("the address is empty"))
    );
    assert_eq!(
        (&upper["given"], &upper["address"], &upper["may_send"]),
        (&json!("P3@X.example"), &json!("p3@x.example"), &json!(false))
    );
    let (_, manual) = server.get("/v1/suppressions?reason=manual&limit=1000").await;
    assert_eq!(manual["data"].as_array().unwrap().len(), suppressed.len());
    let (_, others) = server.get("/v1/suppressions?reason=complained,listed").await;
    assert_eq!(others["data"], json!([]));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_wrong_address_refuses_the_whole_addition() {
    let server = Server::new().await;
    let body = json!({"addresses": ["a@x.example", "b@x.example", "\n"]});
    let (status, problem) = server.give("POST", "/v1/suppressions", &body).await;
    assert_eq!((status.as_u16(), &problem["field"]), (400, &json!("addresses[2]")), "{problem}");
    assert_eq!(server.events().await, 0);
    for body in [json!({"addresses": []}), json!({"addresses": vec!["a@x.example"; 1001]})] {
        for path in ["/v1/suppressions", "/v1/suppressions/check"] {
            let (status, problem) = server.give("POST", path, &body).await;
            assert_eq!((status.as_u16(), &problem["field"]), (400, &json!("addresses")), "{problem}");
        }
    }
    for body in [
        json!({"addresses": ["a@x.example"], "reason": null}),
        json!({"addresses": ["a@x.example"], "raeson": "x"}),
        json!({"addresses": "a@x.example"}),
        json!({"addresses": [1]}),
        json!([]),
    ] {
        let (status, problem) = server.give("POST", "/v1/suppressions", &body).await;
        assert_eq!((status.as_u16(), &problem["field"]), (400, &json!("body")), "{problem}");
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_person_has_several_addresses() {
    let server = Server::new().await;
    told(&server, "1", "delivered", "ann@x.example").await;
    told(&server, "2", "complained", "+15551234567").await;
    let ann = json!({"user_id": "42", "name": "Ann"});
    for address in ["Ann@x.example", "%2B15551234567", "ann@y.example"] {
        let path = format!("/v1/recipients/{address}");
        let (status, put) = server.give("PUT", &path, &ann).await;
        assert_eq!(
            (status.as_u16(), &put["user_id"], &put["name"]),
            (200, &json!("42"), &json!("Ann")),
            "{put}"
        );
        assert_eq!(server.give("PUT", &path, &ann).await, (status, put), "again is the same");
    }
    let (_, found) = server.get("/v1/recipients/ann@x.example").await;
    let others: Vec<_> = found["addresses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["address"].clone(), one["status"].clone()))
        .collect();
    assert_eq!(
        others,
        [(json!("+15551234567"), json!("suppressed")), (json!("ann@y.example"), json!("pending"))]
    );
    let (_, history) = server.get("/v1/events?user_id=42&limit=1").await;
    assert_eq!(history["data"][0]["recipient"], "+15551234567");
    let next = history["next_cursor"].as_str().unwrap();
    let (_, rest) = server.get(&format!("/v1/events?user_id=42&cursor={next}")).await;
    assert_eq!(rest["data"].as_array().unwrap().len(), 1, "{rest}");
    assert_eq!(rest["data"][0]["recipient"], "ann@x.example");
    assert_eq!(
        server.get(&format!("/v1/events?recipient=ann@x.example&cursor={next}")).await.1["field"],
        "cursor"
    );
    assert_eq!(server.get("/v1/events?user_id=43").await.1["field"], "user_id");
    let (status, empty) = server.give("PUT", "/v1/recipients/ann@y.example", &json!({})).await;
    assert_eq!((status.as_u16(), &empty["user_id"], &empty["addresses"]), (200, &Value::Null, &json!([])));
    assert_eq!(server.get("/v1/recipients/ann@y.example").await.0, 404);
    for body in [json!({"name": "a\nb"}), json!({"name": ""}), json!({"name": "x".repeat(501)})] {
        let (status, problem) = server.give("PUT", "/v1/recipients/ann@x.example", &body).await;
        assert_eq!((status.as_u16(), &problem["field"]), (400, &json!("name")), "{problem}");
    }
    for body in [json!([]), json!([null, null]), json!("ann"), json!(null)] {
        let (status, problem) = server.give("PUT", "/v1/recipients/ann@x.example", &body).await;
        assert_eq!((status.as_u16(), &problem["field"]), (400, &json!("body")), "{body}: {problem}");
    }
    let (_, forgotten) = server.give("DELETE", "/v1/recipients/ann@x.example", &Value::Null).await;
    assert_eq!(forgotten["profiles"], 1);
    assert_eq!(server.get("/v1/recipients/ann@x.example").await.0, 404);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn recipients_are_listed_page_by_page_while_events_come_in() {
    let server = Server::new().await;
    for n in 0..25 {
        told(&server, &format!("s{n}"), "sent", &format!("p{n:02}@x.example")).await;
    }
    told(&server, "b", "bounced", "p07@x.example").await;
    let (mut found, mut cursor, mut serial) = (Vec::new(), String::new(), 0);
    loop {
        let (status, page) = server.get(&format!("/v1/recipients?limit=4{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        found.extend(
            page["data"].as_array().unwrap().iter().map(|row| row["address"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        // One that was listed, one that will be, and one that is new.
        for to in ["p07@x.example".to_owned(), "p00@x.example".to_owned(), format!("new{serial}@x.example")] {
            told(&server, &format!("x{serial}"), "opened", &to).await;
            serial += 1;
        }
    }
    let mut expected: Vec<String> =
        (0..25).rev().filter(|n| *n != 7).map(|n| format!("p{n:02}@x.example")).collect();
    expected.insert(0, "p07@x.example".to_owned());
    assert_eq!(found, expected);
    let (_, page) = server
        .get("/v1/recipients?last_event=sent&status=pending&domain=X.example&sent_min=1&limit=1000")
        .await;
    assert_eq!(page["data"].as_array().unwrap().len(), 23);
    server.give("PUT", "/v1/recipients/p03@x.example", &json!({"user_id": "'; --"})).await;
    let (_, page) = server.get("/v1/recipients?user_id=%27%3B%20--").await;
    assert_eq!((&page["data"][0]["address"], &page["next_cursor"]), (&json!("p03@x.example"), &Value::Null));
    let (status, problem) = server.get(&format!("/v1/recipients?status=pending{cursor}")).await;
    assert_eq!((status.as_u16(), &problem["field"]), (400, &json!("cursor")));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_registration_says_whose_the_address_is_unless_that_is_known() {
    let server = Server::new().await;
    server.give("PUT", "/v1/recipients/bob@x.example", &json!({"user_id": "1", "name": "Bob"})).await;
    for (key, recipient, user_id) in
        [("a", "ann@x.example", "42"), ("b", "bob@x.example", "43"), ("c", "ann@x.example", "44")]
    {
        let message = json!({"key": key, "recipient": recipient, "user_id": user_id});
        assert_eq!(server.give("POST", "/v1/messages", &message).await.0, 201);
    }
    let whose = async |address: &str| {
        let (_, found) = server.get(&format!("/v1/recipients/{address}")).await;
        (found["user_id"].clone(), found["name"].clone())
    };
    assert_eq!(whose("ann@x.example").await, (json!("42"), Value::Null));
    assert_eq!(whose("bob@x.example").await, (json!("1"), json!("Bob")));
    let batch = [("d", "eve@x.example"), ("e", "ann@y.example")]
        .map(|(key, recipient)| json!({"key": key, "recipient": recipient, "user_id": "42"}));
    for message in &batch {
        // One line is a batch.
        let (status, done) = server.give("POST", "/v1/messages/batch", message).await;
        assert_eq!((status.as_u16(), &done["created"]), (200, &json!(1)), "{done}");
    }
    let (_, found) = server.get("/v1/recipients?user_id=42").await;
    let addresses: Vec<_> = found["data"].as_array().unwrap().iter().map(|one| &one["address"]).collect();
    assert_eq!(addresses, ["ann@x.example", "ann@y.example", "eve@x.example"]);
    let (_, history) = server.get("/v1/events?user_id=42").await;
    assert_eq!(history["data"].as_array().unwrap().len(), 4, "{history}");
    server.close().await;
}
