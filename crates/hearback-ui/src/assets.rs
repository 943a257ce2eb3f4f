//! Style, script and icon: embedded, under names that change with their bytes, so that browsers keep them for good.

use std::io::Write as _;
use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hearback_providers::crypto;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// A file that pages ask for.
pub(crate) struct Asset {
    /// Its path, with a digest of its bytes.
    pub(crate) path: String,
    content_type: &'static str,
    plain: Bytes,
    compressed: Bytes,
}

impl Asset {
    fn new(name: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let digest = data_encoding::BASE32_NOPAD.encode(&crypto::sha256(&[bytes])[..10]).to_ascii_lowercase();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        Self {
            path: format!("/assets/{stem}.{digest}.{extension}"),
            content_type,
            plain: Bytes::from_static(bytes),
            compressed: gzip(bytes, Compression::best()).into(),
        }
    }
}

/// Compresses.
pub(crate) fn gzip(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), level);
    // A vector takes whatever is written to it.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Every file.
pub(crate) struct Assets {
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    pub(crate) icon: Asset,
}

/// Made when they are first asked for.
pub(crate) static ASSETS: LazyLock<Arc<Assets>> = LazyLock::new(|| {
    let js = "text/javascript; charset=utf-8";
    Arc::new(Assets {
        style: Asset::new(
            "hearback.css",
            "text/css; charset=utf-8",
            include_bytes!("../assets/hearback.css"),
        ),
        script: Asset::new("hearback.js", js, include_bytes!("../assets/hearback.js")),
        icon: Asset::new("icon.svg", "image/svg+xml", include_bytes!("../assets/icon.svg")),
    })
});

/// Whether the asker takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0"))
    })
}

/// `/assets/{name}`.
pub(crate) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let assets = &*ASSETS;
    let all = [&assets.style, &assets.script, &assets.icon];
    let Some(asset) = all.into_iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(&name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let fixed = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    if takes_gzip(&headers) {
        let mut answer = (fixed, asset.compressed.clone()).into_response();
        answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return answer;
    }
    (fixed, asset.plain.clone()).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// Every class that a template or a piece names, with the file.
    fn classes(folder: &Path, found: &mut BTreeSet<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                classes(&path, found);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for rest in text.split("class=").skip(1) {
                let Some(rest) = rest.trim_start_matches('\\').strip_prefix('"') else { continue };
                let value = rest.split('"').next().unwrap().trim_end_matches('\\');
                for word in
                    without_tags(value).split_whitespace().filter(|word| !word.contains(['{', '}', '%']))
                {
                    found.insert((word.to_owned(), path.display().to_string()));
                }
            }
        }
    }

    /// What a template computes inside of an attribute is no class.
    fn without_tags(value: &str) -> String {
        [("{%", "%}"), ("{{", "}}")].into_iter().fold(value.to_owned(), |value, (begin, end)| {
            let mut parts = value.split(begin);
            let first = parts.next().unwrap_or_default().to_owned();
            parts.filter_map(|part| part.split_once(end)).fold(first, |text, (_, rest)| text + " " + rest)
        })
    }

    #[test]
    fn no_class_is_without_a_rule() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let style = fs::read_to_string(root.join("assets/hearback.css")).unwrap();
        let mut found = BTreeSet::new();
        classes(&root.join("templates"), &mut found);
        classes(&root.join("src/pieces"), &mut found);
        assert!(found.len() > 100, "{} classes only", found.len());
        let is_styled = |class: &str| {
            style.split(&format!(".{class}")).skip(1).any(|rest| {
                !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_')
            })
        };
        let bare: Vec<_> = found.into_iter().filter(|(class, _)| !is_styled(class)).collect();
        assert!(bare.is_empty(), "{bare:?}");
    }
}
