//! Finding the signature: what stands around it in a header, or the field of the body that holds it.

use serde_json::{Map, Value};

use super::source::{Pointer, short};

/// Where in the header (or body) the signature is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Extract {
    /// The whole header.
    Whole,
    /// What follows a fixed text: `sha256=`.
    Prefix(String),
    /// In a list of `key=value`: `t=1,v1=ab`. Several equal keys are several candidates.
    Pairs { separator: String, key: String },
    /// In a list, the entries that begin with a tag: `v1,ab v1,cd`.
    List { separator: String, tag: String },
    /// A field of the body. The rest of the body is covered only where the content says so.
    JsonField(Pointer),
}

const WANTED: &str = "expected `whole`, `{prefix = \"sha256=\"}`, `{kv = {sep = \",\", key = \"v1\"}}`, \
                      `{list = {sep = \" \", tag = \"v1,\"}}` or `{json_field = \"/signature\"}`";

impl Extract {
    /// Reads the setting; the simple forms may also be written as texts (`prefix:sha256=`).
    pub(super) fn read(value: Option<Value>) -> Result<Self, String> {
        match value {
            None => Ok(Self::Whole),
            Some(Value::String(text)) => Self::from_text(&text),
            Some(Value::Object(table)) if table.len() == 1 => {
                table.into_iter().next().map_or_else(|| Err(WANTED.to_owned()), Self::from_member)
            }
            Some(_) => Err(WANTED.to_owned()),
        }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "whole" => Ok(Self::Whole),
            Some(("prefix", prefix)) => Ok(Self::Prefix(prefix.to_owned())),
            Some(("json_field", pointer)) => Pointer::parse(pointer).map(Self::JsonField),
            _ => Err(WANTED.to_owned()),
        }
    }

    fn from_member((name, value): (String, Value)) -> Result<Self, String> {
        match (name.as_str(), value) {
            ("prefix" | "json_field", Value::String(text)) => Self::from_text(&format!("{name}:{text}")),
            ("kv", Value::Object(table)) => {
                let [separator, key] = pair(&table, ["sep", "key"])?;
                Ok(Self::Pairs { separator, key })
            }
            ("list", Value::Object(table)) => {
                let [separator, tag] = pair(&table, ["sep", "tag"])?;
                Ok(Self::List { separator, tag })
            }
            _ => Err(WANTED.to_owned()),
        }
    }

    /// The candidates in one header.
    pub(super) fn candidates<'a>(&self, header: &'a str) -> Vec<&'a str> {
        match self {
            Self::Whole => Some(header.trim()).filter(|text| !text.is_empty()).into_iter().collect(),
            Self::Prefix(prefix) => header.trim().strip_prefix(prefix.as_str()).into_iter().collect(),
            Self::Pairs { separator, key } => values_of(header, separator, key),
            Self::List { separator, tag } => header
                .split(separator.as_str())
                .filter_map(|entry| entry.trim().strip_prefix(tag.as_str()))
                .collect(),
            Self::JsonField(_) => Vec::new(),
        }
    }

    /// The value of another key in the same list (`t` in `t=1,v1=ab`).
    pub(super) fn sibling<'a>(&self, header: &'a str, key: &str) -> Option<&'a str> {
        match self {
            Self::Pairs { separator, .. } => values_of(header, separator, key).into_iter().next(),
            _ => None,
        }
    }
}

/// Both texts of a table that has nothing else in it.
fn pair(table: &Map<String, Value>, names: [&str; 2]) -> Result<[String; 2], String> {
    if let Some(name) = table.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("unknown option `{}` in it; {WANTED}", short(name)));
    }
    let [first, second] = names.map(|name| table.get(name).and_then(Value::as_str).unwrap_or_default());
    if first.is_empty() || second.is_empty() {
        return Err(format!("`{}` and `{}` must be texts that are not empty", names[0], names[1]));
    }
    Ok([first.to_owned(), second.to_owned()])
}

fn values_of<'a>(header: &'a str, separator: &str, key: &str) -> Vec<&'a str> {
    header
        .split(separator)
        .filter_map(|entry| entry.trim().split_once('='))
        .filter(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms() {
        let cases = [
            (json!("whole"), " ab ", vec!["ab"]),
            (json!("prefix:sha256="), "sha256=ab=", vec!["ab="]),
            (json!({"prefix": "sha256="}), "sha1=ab", vec![]),
            (json!({"kv": {"sep": ",", "key": "v1"}}), "t=1, v1=ab==,v0=x,v1=cd", vec!["ab==", "cd"]),
            (json!({"list": {"sep": " ", "tag": "v1,"}}), "v1,ab v1a,x  v1,cd", vec!["ab", "cd"]),
        ];
        for (setting, header, expected) in cases {
            let extract = Extract::read(Some(setting)).unwrap();
            assert_eq!(extract.candidates(header), expected, "{header}");
        }
        let list = Extract::read(Some(json!({"kv": {"sep": ",", "key": "v1"}}))).unwrap();
        assert_eq!(list.sibling("t=1,v1=ab", "t"), Some("1"));
        for bad in [
            json!("all"),
            json!({"kv": {"sep": ","}}),
            json!({"kv": {"sep": ",", "key": "a", "x": 1}}),
            json!(1),
        ] {
            assert!(Extract::read(Some(bad)).is_err());
        }
    }
}
