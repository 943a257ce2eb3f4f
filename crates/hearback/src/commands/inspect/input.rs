//! What the arguments of `inspect` name: a request in files, and options.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use hearback_providers::{Options, Provider, RawRequest};
use serde_json::{Map, Value, json};

use super::InspectArgs;
use crate::exit::CliError;

/// No provider sends more; a longer file is a mistake.
const LONGEST_FILE: u64 = 64 << 20;

/// The request that the arguments describe.
pub(super) fn request(args: &InspectArgs) -> Result<RawRequest, CliError> {
    if let Some(body) = &args.body {
        let mut head = format!("{} {} HTTP/1.1\r\n", args.method, args.path);
        for header in &args.headers {
            head.push_str(&header.replace(['\r', '\n'], " "));
            head.push_str("\r\n");
        }
        let bytes = [head.as_bytes(), b"\r\n", &read(body)?].concat();
        return RawRequest::parse(&bytes).map_err(|error| CliError::usage(error.to_string()));
    }
    let file = args.file.as_deref().unwrap_or(Path::new("-"));
    let bytes = read(file)?;
    RawRequest::parse(&bytes).map_err(|error| {
        CliError::usage(format!("{}: {error}", file.display()))
            .hint("if it is the body alone, give it with --body, and the headers with --header")
    })
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |error: std::io::Error| CliError::failed(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST_FILE).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        fs::File::open(path).map_err(failed)?.take(LONGEST_FILE).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(bytes)
}

/// The provider of that name, or an error that lists those that there are.
pub(super) fn known_provider(name: &str) -> Result<&'static dyn Provider, CliError> {
    hearback_providers::provider(name).ok_or_else(|| {
        let known: Vec<&str> = hearback_providers::PROVIDERS.iter().map(|provider| provider.name()).collect();
        CliError::usage(format!("there is no provider `{name}`"))
            .hint(format!("known are: {}", known.join(", ")))
    })
}

/// Options as the configuration would have them: a name that comes several times makes a list; a value that is JSON is
/// taken as such; `env:NAME` and `file:PATH` stand for what they name, so that no key need be typed.
pub(super) fn options(pairs: &[String]) -> Result<Options, CliError> {
    let mut table: Map<String, Value> = Map::new();
    for pair in pairs {
        let (name, text) = pair
            .split_once('=')
            .ok_or_else(|| CliError::usage("--option wants NAME=VALUE, such as --option keys=env:MY_KEY"))?;
        let value = option_value(text)?;
        match table.get_mut(name) {
            None => drop(table.insert(name.to_owned(), value)),
            Some(Value::Array(several)) => several.push(value),
            Some(one) => *one = json!([one.take(), value]),
        }
    }
    Ok(Options::new(table))
}

fn option_value(text: &str) -> Result<Value, CliError> {
    if let Some(name) = text.strip_prefix("env:") {
        return std::env::var(name)
            .map(Value::String)
            .map_err(|_| CliError::usage(format!("the environment variable `{name}` is not set")));
    }
    if let Some(path) = text.strip_prefix("file:") {
        let bytes = read(Path::new(path))?;
        return Ok(Value::String(String::from_utf8_lossy(&bytes).trim().to_owned()));
    }
    let is_json =
        text.starts_with(['[', '{']) || matches!(text, "true" | "false") || text.parse::<u32>().is_ok();
    let parsed = if is_json { serde_json::from_str(text).ok() } else { None };
    Ok(parsed.unwrap_or_else(|| Value::String(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_as_the_configuration_has_them() {
        let pairs = ["keys=abc=", "max_age=900", "keys=def", "legacy=true", "networks=[\"10.0.0.0/8\"]"];
        let options = options(&pairs.map(ToOwned::to_owned)).unwrap();
        assert_eq!(options.get("keys"), Some(&json!(["abc=", "def"])));
        assert_eq!(options.get("max_age"), Some(&json!(900)));
        assert_eq!(options.get("legacy"), Some(&json!(true)));
        assert_eq!(options.get("networks"), Some(&json!(["10.0.0.0/8"])));
        assert!(super::options(&["keys".to_owned()]).is_err());
        assert!(super::options(&["keys=env:NO_SUCH_VARIABLE_HERE".to_owned()]).is_err());
    }
}
