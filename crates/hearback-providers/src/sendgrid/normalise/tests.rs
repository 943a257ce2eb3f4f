use super::*;

fn one(raw: &str) -> Event {
    let mut events = normalise(format!("[{raw}]\r\n").as_bytes());
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[test]
fn base_ids() {
    let cases = [
        ("Oc9Vts_KRcK_e-CXI1BmEA.recvd-7bd9484584-qt86v-1-698B2E9F-D.0", "Oc9Vts_KRcK_e-CXI1BmEA"),
        ("14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0", "14c5d75ce93.dfd.64b469"),
        ("14c5d75ce93.dfd.64b469.stfilter0001.16648.5515E0B88.0", "14c5d75ce93.dfd.64b469"),
        (" Oc9Vts_KRcK_e-CXI1BmEA.filterdrecv-p3mdw1-756b.0", "Oc9Vts_KRcK_e-CXI1BmEA"),
        ("Oc9Vts_KRcK_e-CXI1BmEA.geopod-0.1", "Oc9Vts_KRcK_e-CXI1BmEA"),
        ("bare", "bare"),
        ("", ""),
    ];
    for (id, base) in cases {
        assert_eq!(base_id(id), base, "{id}");
    }
}

#[test]
fn the_key_is_the_content_but_not_the_event_id() {
    let open = |event_id: &str, extra: &str| {
        one(&format!(
            r#"{{"event":"open","email":"a@x.example","timestamp":1,"sg_event_id":"{event_id}"{extra}}}"#
        ))
        .dedup
    };
    let key = open("one", "");
    assert_eq!(key, open("two", ""));
    assert_eq!(key, open("one", r#","order":"A-17""#));
    for extra in
        [r#","ip":"203.0.113.9""#, r#","url_offset":{"index":1}"#, r#","attempt":"2""#, r#","useragent":"x""#]
    {
        assert_ne!(key, open("one", extra), "{extra}");
    }
    let attempt = |attempt: &str| one(&format!(r#"{{"event":"deferred","attempt":{attempt}}}"#)).dedup;
    assert_eq!(attempt("3"), attempt("\"3\""));
}

#[test]
fn what_is_no_event_is_kept_and_its_neighbours_count() {
    let body = b"[{\"event\":\"open\",\"email\":\"a@x.example\"},42,{\"no\":\"event\"},{\"event\":{}},null,{\"event\":\"delivered\"}]";
    let kinds: Vec<_> = normalise(body).iter().map(|event| (event.kind, event.error.is_some())).collect();
    let unknown = (Kind::Unknown, true);
    assert_eq!(kinds, [(Kind::Opened, false), unknown, unknown, unknown, unknown, (Kind::Delivered, false)]);
    for body in [b"".as_slice(), b"[]", b"{}", b"[{]", b"\xff"] {
        let events = normalise(body);
        assert_eq!((events.len(), events[0].kind), (1, Kind::Unknown));
        assert!(events[0].error.is_some() && events[0].raw.is_some());
    }
    assert_ne!(one("1").dedup, one("2").dedup);
}

#[test]
fn bytes_that_are_no_text_spoil_only_their_field() {
    let events = normalise(b"[{\"event\":\"open\",\"useragent\":\"\xff\"},{\"event\":\"delivered\"}]");
    assert_eq!(events.iter().map(|event| event.kind).collect::<Vec<_>>(), [Kind::Opened, Kind::Delivered]);
}

#[test]
fn events_of_another_kind_are_never_taken_for_each_other() {
    let future = |body: &str| one(&format!(r#"{{"event":"teleported","timestamp":1,"where":"{body}"}}"#));
    assert_eq!(future("a").native_type, "teleported");
    assert_ne!(future("a").dedup, future("b").dedup);
}

#[test]
fn samples_of_the_documents_are_tests() {
    for raw in [
        r#"{"event":"open","sg_event_id":"sg_event_id","sg_message_id":"sg_message_id"}"#,
        r#"{"event":"open","sg_message_id":"14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0"}"#,
        r#"{"event":"open","email":"example@test.com"}"#,
    ] {
        assert!(one(raw).test, "{raw}");
    }
    assert!(!one(r#"{"event":"open","sg_message_id":"Oc9Vts_KRcK_e-CXI1BmEA.recvd-1.0"}"#).test);
}

#[test]
fn whose_ip_it_is() {
    let ip = |event: &str| {
        one(&format!(r#"{{"event":"{event}","ip":"203.0.113.9"}}"#)).engagement.and_then(|it| it.ip)
    };
    for person in ["open", "click", "group_unsubscribe", "group_resubscribe"] {
        assert!(ip(person).is_some(), "{person}");
    }
    for machine in ["delivered", "bounce", "processed", "unsubscribe"] {
        assert!(ip(machine).is_none(), "{machine}");
    }
}

#[test]
fn an_absurd_batch_is_cut_off_and_says_so() {
    let body = format!("[{}0]", "0,".repeat(MOST_ELEMENTS));
    let events = normalise(body.as_bytes());
    assert_eq!(events.len(), MOST_ELEMENTS + 1);
    assert!(events.last().unwrap().error.as_deref().unwrap().contains("more elements"));
}
