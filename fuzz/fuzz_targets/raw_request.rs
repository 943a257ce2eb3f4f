//! Any bytes as a captured request: refused in words, or read so that writing it out and reading it again gives the same.

#![no_main]

use hearback_fuzz::{samples, seed};
use hearback_providers::RawRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: seed("raw_request", &samples(), |_| Vec::new()),
    |data: &[u8]| {
        let Ok(parsed) = RawRequest::parse(data) else { return };
        let request = parsed.borrow(&[], None);
        let whole = format!("{}?{}", request.path(), request.query());
        assert!(whole == request.path_and_query || whole == format!("{}?", request.path_and_query));
        let _ = (request.media_type(), request.query_value("secret"));
        let again = RawRequest::parse(&written(&parsed)).expect("a request as it was read");
        assert_eq!(again.method, parsed.method);
        assert_eq!(again.path_and_query, parsed.path_and_query);
        assert_eq!(again.headers, parsed.headers);
        assert_eq!(again.body, parsed.body);
    }
);

fn written(request: &RawRequest) -> Vec<u8> {
    let mut bytes = format!("{} {} HTTP/1.1\r\n", request.method, request.path_and_query).into_bytes();
    for (name, value) in &request.headers {
        bytes.extend(name.as_str().as_bytes());
        bytes.extend(b": ");
        bytes.extend(value.as_bytes());
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"\r\n");
    bytes.extend(&request.body);
    bytes
}
