//! Reading forms: `application/x-www-form-urlencoded` and `multipart/form-data`.

use futures_util::FutureExt as _;
use futures_util::stream;

/// A form with more fields is refused, however high the configured limit is.
pub const MOST_FIELDS: usize = 1000;

/// The kinds of forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `application/x-www-form-urlencoded`.
    Urlencoded,
    /// `multipart/form-data`.
    Multipart,
}

/// What kind of form a body of this content type is, if it is one.
pub fn kind(content_type: &str) -> Option<Kind> {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Some(Kind::Urlencoded)
    } else if media_type.eq_ignore_ascii_case("multipart/form-data") {
        Some(Kind::Multipart)
    } else {
        None
    }
}

/// What separates the parts of a multipart form.
pub fn boundary(content_type: &str) -> Option<String> {
    multer::parse_boundary(content_type).ok()
}

/// A form cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More than [`MOST_FIELDS`] fields.
    #[error("the form has more than {MOST_FIELDS} fields")]
    TooManyFields,
    /// The multipart body is malformed or cut.
    #[error("the multipart form is malformed")]
    Malformed,
}

/// The fields of a form in their order, decoded. Names may repeat.
#[derive(Clone, Debug, Default)]
pub struct Form {
    fields: Vec<(String, String)>,
    files: Vec<File>,
}

/// A file in a multipart form: its name and size; the bytes stay in the raw request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The form field's name.
    pub field: String,
    /// The file's name as given.
    pub name: String,
    /// Its size in bytes.
    pub bytes: usize,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
}

impl Form {
    /// Decodes an urlencoded form (or a query). `+` is a blank; bytes that are not UTF-8 become U+FFFD.
    pub fn urlencoded(bytes: &[u8]) -> Result<Self, FormError> {
        let fields: Vec<_> = form_urlencoded::parse(bytes)
            .take(MOST_FIELDS + 1)
            .map(|(k, v)| (k.into_owned(), v.into_owned()))
            .collect();
        if fields.len() > MOST_FIELDS {
            Err(FormError::TooManyFields)
        } else {
            Ok(Self { fields, files: Vec::new() })
        }
    }

    /// Reads a multipart form with the boundary of `content_type`.
    pub fn multipart(content_type: &str, body: &[u8]) -> Result<Self, FormError> {
        let boundary = boundary(content_type).ok_or(FormError::Malformed)?;
        let whole = bytes::Bytes::copy_from_slice(body);
        let source = stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(whole)));
        // The whole body is at hand, so the reader never waits and one poll runs it to its end.
        read_multipart(multer::Multipart::new(source, boundary))
            .now_or_never()
            .unwrap_or(Err(FormError::Malformed))
    }

    /// Reads either kind, by content type.
    pub fn read(content_type: &str, body: &[u8]) -> Result<Self, FormError> {
        match kind(content_type) {
            Some(Kind::Multipart) => Self::multipart(content_type, body),
            _ => Self::urlencoded(body),
        }
    }

    /// The first field of that name.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The last field of that name.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.fields.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first field of that name that is not empty.
    pub fn text(&self, name: &str) -> Option<String> {
        self.all(name).find(|value| !value.is_empty()).map(|value| crate::json::cut(value).to_owned())
    }

    /// Every field of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every field in order.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// Every file in order.
    pub fn files(&self) -> &[File] {
        &self.files
    }
}

async fn read_multipart(mut parts: multer::Multipart<'_>) -> Result<Form, FormError> {
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(|_| FormError::Malformed)? {
        if form.fields.len() + form.files.len() >= MOST_FIELDS {
            return Err(FormError::TooManyFields);
        }
        let field = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(ToOwned::to_owned);
        let bytes = part.bytes().await.map_err(|_| FormError::Malformed)?;
        match file {
            Some(name) => form.files.push(File {
                field,
                name,
                bytes: bytes.len(),
                digest: crate::crypto::sha256(&[&bytes]),
            }),
            None => form.fields.push((field, String::from_utf8_lossy(&bytes).into_owned())),
        }
    }
    Ok(form)
}
