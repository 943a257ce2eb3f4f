//! Reading the API's answers.

use reqwest::StatusCode;
use serde_json::Value;

use crate::exit::CliError;

/// The JSON of an answer; `None` where there is nothing.
pub(super) fn read(status: StatusCode, body: &[u8]) -> Result<Option<Value>, CliError> {
    if status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !status.is_success() {
        return Err(refused(status, body));
    }
    if body.is_empty() {
        return Ok(Some(Value::Null));
    }
    serde_json::from_slice(body).map(Some).map_err(|_| {
        CliError::failed("the answer is not JSON").hint("is this the address of a Hearback server's API?")
    })
}

fn refused(status: StatusCode, body: &[u8]) -> CliError {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str).map(crate::show::clean);
    let said = text("detail").or_else(|| text("title")).unwrap_or_else(|| status.to_string());
    match status {
        StatusCode::UNAUTHORIZED => CliError::failed(format!("the server wants another token: {said}"))
            .hint("give one with --token or HEARBACK_TOKEN; `hearback token create` makes one"),
        StatusCode::FORBIDDEN => CliError::failed(format!("the token does not allow this: {said}"))
            .hint("`hearback token create` makes one of a greater scope"),
        StatusCode::BAD_REQUEST => CliError::usage(said),
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            let refused = CliError::no(said);
            match text("expected") {
                Some(expected) => refused.hint(format!("expected: {expected}")),
                None => refused,
            }
        }
        _ => CliError::failed(format!("the answer was {status}: {said}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exit::Exit;

    #[test]
    fn answers_and_problems() {
        assert_eq!(read(StatusCode::OK, b"{\"a\":1}"), Ok(Some(json!({"a": 1}))));
        assert_eq!(read(StatusCode::NO_CONTENT, b""), Ok(Some(Value::Null)));
        assert_eq!(read(StatusCode::NOT_FOUND, b"{}"), Ok(None));
        assert!(read(StatusCode::OK, b"<html>").is_err());
        let problem = br#"{"title":"Not understood","detail":"`limit` is 0"}"#;
        let error = read(StatusCode::BAD_REQUEST, problem).unwrap_err();
        assert_eq!((error.exit(), error.to_string().as_str()), (Exit::Usage, "`limit` is 0"));
        let no =
            read(StatusCode::CONFLICT, br#"{"detail":"a is suppressed","expected":"another"}"#).unwrap_err();
        assert_eq!((no.exit(), no.hints()), (Exit::No, &["expected: another".to_owned()][..]));
        assert_eq!(read(StatusCode::UNAUTHORIZED, b"").unwrap_err().hints().len(), 1);
    }
}
