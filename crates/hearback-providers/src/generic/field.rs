//! One mapped field: where its value may stand, and what is done to it.

use std::borrow::Cow;

use serde_json::Value;

use super::source::{Scene, Source};
use crate::json;

/// What is done to a value, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    Lower,
    Trim,
    /// `<id>` becomes `id`.
    StripAngle,
    /// Lists and objects become their JSON text.
    String,
    /// Only the first of a list.
    First,
    UrlDecode,
    /// `0049 30 123456` becomes `+4930123456`.
    E164,
}

const TRANSFORMS: &[(&str, Transform)] = &[
    ("lower", Transform::Lower),
    ("trim", Transform::Trim),
    ("strip_angle", Transform::StripAngle),
    ("string", Transform::String),
    ("first", Transform::First),
    ("url_decode", Transform::UrlDecode),
    ("e164", Transform::E164),
];

/// A compiled field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    sources: Vec<Source>,
    transforms: Vec<Transform>,
}

impl Field {
    /// Reads `"/a"`, `["/a", "header:B"]`, `{const = "x"}` or `{from = ..., transforms = [...]}`.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(table) = value else {
            return Ok(Self { sources: sources(value)?, transforms: Vec::new() });
        };
        if table.contains_key("const") {
            return Ok(Self { sources: vec![Source::read(value)?], transforms: Vec::new() });
        }
        if let Some(name) = table.keys().find(|name| !matches!(name.as_str(), "from" | "transforms")) {
            return Err(format!("unknown option `{name}` in it; known here are: from, transforms, const"));
        }
        let from = table.get("from").ok_or_else(|| "`from` is not set: where the value stands".to_owned())?;
        let names = match table.get("transforms") {
            None => Vec::new(),
            Some(Value::Array(names)) => names.iter().collect(),
            Some(name) => vec![name],
        };
        let transforms = names.into_iter().map(transform).collect::<Result<_, _>>()?;
        Ok(Self { sources: sources(from)?, transforms })
    }

    /// The first value that is there.
    pub(super) fn value<'a>(&self, scene: Scene<'a>) -> Option<Cow<'a, Value>> {
        self.sources.iter().find_map(|source| source.value(scene))
    }

    /// The value as texts: a list gives several. Empty texts are left out.
    pub(super) fn texts(&self, scene: Scene<'_>) -> Vec<String> {
        let Some(value) = self.value(scene) else { return Vec::new() };
        let whole =
            self.transforms.contains(&Transform::String) && !self.transforms.contains(&Transform::First);
        let items = match value.as_ref() {
            Value::Array(items) if !whole => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let most = if self.transforms.contains(&Transform::First) { 1 } else { usize::MAX };
        items
            .iter()
            .filter_map(|item| self.scalar(item))
            .map(|text| self.transformed(text))
            .filter(|text| !text.is_empty())
            .take(most)
            .collect()
    }

    /// The value as one text: the first of a list.
    pub(super) fn text(&self, scene: Scene<'_>) -> Option<String> {
        self.texts(scene).into_iter().next()
    }

    fn scalar(&self, value: &Value) -> Option<String> {
        match value {
            Value::Array(_) | Value::Object(_) if self.transforms.contains(&Transform::String) => {
                Some(json::cut(&value.to_string()).to_owned())
            }
            scalar => json::scalar(scalar),
        }
    }

    /// A text after all transforms.
    pub(super) fn transformed(&self, text: String) -> String {
        self.transforms.iter().fold(text, |text, transform| transform.apply(text))
    }

    /// Every place where it may stand.
    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The place to which the simulator writes the value.
    pub(super) fn first_source(&self) -> Option<&Source> {
        self.sources.first()
    }
}

fn sources(value: &Value) -> Result<Vec<Source>, String> {
    match value {
        Value::Array(items) if items.is_empty() => Err("the list is empty".to_owned()),
        Value::Array(items) => items.iter().map(Source::read).collect(),
        one => Source::read(one).map(|source| vec![source]),
    }
}

fn transform(name: &Value) -> Result<Transform, String> {
    let name = name.as_str().unwrap_or_default();
    TRANSFORMS.iter().find(|(known, _)| *known == name).map(|(_, transform)| *transform).ok_or_else(|| {
        let known: Vec<_> = TRANSFORMS.iter().map(|(name, _)| *name).collect();
        format!("unknown transform; known are: {}", known.join(", "))
    })
}

impl Transform {
    fn apply(self, text: String) -> String {
        match self {
            Self::Lower => text.to_lowercase(),
            Self::Trim => text.trim().to_owned(),
            Self::StripAngle => strip_angle(&text).to_owned(),
            Self::UrlDecode => url_decode(&text),
            Self::E164 => e164(&text),
            Self::String | Self::First => text,
        }
    }
}

/// `<id>` without its brackets.
pub(super) fn strip_angle(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text)
}

/// Decodes `%2B`; a `+` stays, because numbers begin with it.
fn url_decode(text: &str) -> String {
    let kept = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(kept.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}

/// A number in E.164, from international forms only: a national number cannot be told from a foreign one.
fn e164(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let odd =
        text.chars().any(|c| !(c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '.' | '/')));
    let digits = if text.trim_start().starts_with('+') { &digits } else { digits.trim_start_matches("00") };
    if odd || !(7..=15).contains(&digits.len()) { text.to_owned() } else { format!("+{digits}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;
    use http::HeaderMap;
    use serde_json::json;

    #[test]
    fn sources_and_transforms() {
        let mut headers = HeaderMap::new();
        headers.insert("x-id", "h-1".parse().unwrap());
        let request = Request {
            method: "POST",
            path_and_query: "/hook?src=q%201",
            headers: &headers,
            body: b"",
            public_urls: &[],
            remote: None,
        };
        let event = json!({"id": 18_446_744_073_709_551_615_u64, "none": null, "empty": "", "list": ["A", "", 2],
            "angle": " <Id@X> ", "phone": "0049 (30) 123-456", "enc": "a%20b+c&d=e", "deep": {"a": [1]}, "yes": true});
        let cases = [
            (json!("/id"), vec!["18446744073709551615"]),
            (json!(["/none", "/empty", "/missing", "/yes"]), vec!["true"]),
            (json!("/list"), vec!["A", "2"]),
            (json!({"from": "/list", "transforms": ["first", "lower"]}), vec!["a"]),
            (json!({"from": "/list", "transforms": "string"}), vec!["[\"A\",\"\",2]"]),
            (json!({"from": "/angle", "transforms": ["strip_angle", "lower"]}), vec!["id@x"]),
            (json!({"from": "/phone", "transforms": ["e164"]}), vec!["+4930123456"]),
            (json!({"from": "/enc", "transforms": ["url_decode"]}), vec!["a b+c&d=e"]),
            (json!("/deep"), vec![]),
            (json!("header:X-Id"), vec!["h-1"]),
            (json!("query:src"), vec!["q 1"]),
            (json!(["/missing", {"const": "fixed"}]), vec!["fixed"]),
        ];
        for (setting, expected) in cases {
            let field = Field::read(&setting).unwrap();
            assert_eq!(field.texts(Scene { request: &request, event: &event }), expected, "{setting}");
        }
        for bad in [
            json!("id"),
            json!([]),
            json!(1),
            json!({"from": "/a", "transforms": ["upper"]}),
            json!({"const": 1}),
            json!({"form": "/a"}),
        ] {
            assert!(Field::read(&bad).is_err(), "{bad}");
        }
    }
}
