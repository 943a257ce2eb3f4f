//! JSON schemas of the vocabulary, for whoever describes an HTTP API that speaks it. Only with the feature `openapi`.

use std::borrow::Cow;

use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{RefOr, schema};
use utoipa::{PartialSchema, ToSchema};

use crate::{Address, EventId, Kind, MessageId, Record, Timestamp};

/// The `type` of an event as answers give it: [`Kind::dotted`].
#[derive(Debug)]
pub struct EventType;

/// A text that is one of several words.
pub(crate) fn words<'a>(title: &str, words: impl Iterator<Item = &'a str>) -> RefOr<Schema> {
    let object = text(title).enum_values(Some(words.map(str::to_owned).collect::<Vec<_>>()));
    object.into()
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

/// The form of an identifier: its prefix and 128 bits in the letters of Crockford.
fn id(prefix: &str, description: &str, example: &str) -> Object {
    let pattern = format!("^{prefix}[0-7][0-9A-HJKMNP-TV-Z]{{25}}$");
    text(description).pattern(Some(pattern)).examples([example]).build()
}

macro_rules! schema {
    ($($type:ty, $name:literal => $schema:expr;)+) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )+};
}

schema! {
    EventId, "EventId" => id(EventId::PREFIX, "Names one event.", "evt_01KAGR1Z1KE7NB800000000042");
    MessageId, "MessageId" => id(
        MessageId::PREFIX,
        "Names one message to one recipient; the same for all of its events.",
        "msg_7P1DTG0ZBN9QW5DP7AMWRRFPQV",
    );
    Timestamp, "Timestamp" => text("A moment in UTC, with as many digits as the provider gave.")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2026-11-20T10:02:11.412305Z"]);
    Address, "Address" => text("An e-mail address in lower case, a phone number as +15551234567, or a messenger's id.")
        .min_length(Some(1))
        .max_length(Some(Address::LONGEST))
        .examples(["alice@example.com"]);
    EventType, "EventType" => text("What happened, as `message.` and its name.")
        .enum_values(Some(Kind::ALL.iter().map(|kind| kind.dotted()).collect::<Vec<_>>()))
        .examples(["message.bounced"]);
}

impl PartialSchema for Record {
    fn schema() -> RefOr<Schema> {
        crate::record::Rendered::schema()
    }
}

impl ToSchema for Record {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Event")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<schema::Schema>)>) {
        crate::record::Rendered::schemas(schemas);
    }
}
