//! The JSON that Mailgun posts: what of it is read, borrowed from the body.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::lenient::{Part, Text};

/// The body: the signature, and the event cut out unread.
#[derive(Debug, Deserialize)]
pub(super) struct Body<'a> {
    #[serde(borrow, default)]
    pub(super) signature: Part<Signed<'a>>,
    #[serde(borrow, default, rename = "event-data")]
    pub(super) event_data: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Signed<'a> {
    #[serde(borrow)]
    pub(super) timestamp: Text<'a>,
    #[serde(borrow)]
    pub(super) token: Text<'a>,
    #[serde(borrow)]
    pub(super) signature: Text<'a>,
    #[serde(borrow)]
    pub(super) parent_signature: Text<'a>,
}

/// `event-data`. Everything may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct EventData<'a> {
    #[serde(borrow)]
    pub(super) event: Text<'a>,
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) timestamp: Text<'a>,
    #[serde(borrow)]
    pub(super) severity: Text<'a>,
    #[serde(borrow)]
    pub(super) reason: Text<'a>,
    #[serde(borrow)]
    pub(super) recipient: Text<'a>,
    #[serde(borrow)]
    pub(super) url: Text<'a>,
    #[serde(borrow)]
    pub(super) ip: Text<'a>,
    #[serde(borrow)]
    pub(super) tags: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) user_variables: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) flags: Part<Flags<'a>>,
    #[serde(borrow)]
    pub(super) envelope: Part<Envelope<'a>>,
    #[serde(borrow)]
    pub(super) delivery_status: Part<DeliveryStatus<'a>>,
    #[serde(borrow)]
    pub(super) reject: Part<Reject<'a>>,
    #[serde(borrow)]
    pub(super) message: Part<Message<'a>>,
    #[serde(borrow)]
    pub(super) geolocation: Part<Geolocation<'a>>,
    #[serde(borrow)]
    pub(super) client_info: Part<ClientInfo<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Flags<'a> {
    #[serde(borrow)]
    pub(super) is_test_mode: Text<'a>,
    #[serde(borrow)]
    pub(super) is_system_test: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) sender: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct DeliveryStatus<'a> {
    #[serde(borrow)]
    pub(super) code: Text<'a>,
    #[serde(borrow)]
    pub(super) enhanced_code: Text<'a>,
    #[serde(borrow)]
    pub(super) bounce_code: Text<'a>,
    #[serde(borrow)]
    pub(super) message: Text<'a>,
    #[serde(borrow)]
    pub(super) description: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Reject<'a> {
    #[serde(borrow)]
    pub(super) reason: Text<'a>,
    #[serde(borrow)]
    pub(super) description: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) headers: Part<Headers<'a>>,
    #[serde(borrow)]
    pub(super) recipients: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) attachments: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Headers<'a> {
    #[serde(borrow)]
    pub(super) message_id: Text<'a>,
    #[serde(borrow)]
    pub(super) to: Text<'a>,
    #[serde(borrow)]
    pub(super) from: Text<'a>,
    #[serde(borrow)]
    pub(super) subject: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Geolocation<'a> {
    #[serde(borrow)]
    pub(super) country: Text<'a>,
    #[serde(borrow)]
    pub(super) region: Text<'a>,
    #[serde(borrow)]
    pub(super) city: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct ClientInfo<'a> {
    #[serde(borrow)]
    pub(super) user_agent: Text<'a>,
    #[serde(borrow)]
    pub(super) bot: Text<'a>,
}
