//! The configuration in effect, as it may be printed: every default filled in, no secret.

use serde_json::{Value, json};

use super::{Config, LogFormat, SourceConfig, alerts, printable_url};

impl Config {
    /// In the shape of `hearback.toml`.
    pub(crate) fn to_shown(&self) -> Value {
        let (server, limits) = (&self.server, &self.server.limits);
        let format = match self.log.format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        let origins: Vec<_> = server.cors_origins.iter().filter_map(|origin| origin.to_str().ok()).collect();
        let sources: serde_json::Map<String, Value> =
            self.sources.iter().map(|source| (source.name().to_string(), source.to_shown())).collect();
        let destinations: serde_json::Map<String, Value> = self
            .destinations
            .iter()
            .map(|configured| (configured.destination.name.clone(), configured.printable.clone().into()))
            .collect();
        let alerts: serde_json::Map<String, Value> =
            self.alerts.iter().map(|rule| (rule.name.clone(), alerts::shown(rule))).collect();
        without_nulls(json!({
            "server": {
                "listen": server.listen,
                "public_url": server.public_url.as_deref().map(printable_url),
                "trusted_proxies": server.trusted_proxies,
                "workers": server.workers,
                "connections_max": limits.connections_max,
                "headers_max": limits.headers_max,
                "json_depth_max": limits.shape.json_depth,
                "form_fields_max": limits.shape.form_fields,
                "in_flight_bytes_max": limits.in_flight_bytes_max,
                "read_timeout_s": limits.read_timeout.as_secs(),
                "drain_timeout_s": limits.drain_timeout.as_secs(),
                "quarantined_per_second": limits.quarantined_per_second,
            },
            "admin": { "listen": server.admin, "cors_origins": origins },
            "storage": {
                "url": self.storage.database.to_string(),
                "queue_max": self.storage.queue_max,
                "queue_bytes_max": self.storage.queue_bytes_max,
                "dedup_days": self.storage.dedup_days,
            },
            "retention": {
                "payloads_days": self.retention.payloads_days,
                "events_days": self.retention.events_days,
                "quarantine_days": self.retention.quarantine_days,
            },
            "quarantine": {
                "entries_max": self.quarantine.entries_max,
                "bytes_max": self.quarantine.bytes_max,
            },
            "log": { "format": format, "level": self.log.level },
            "ui": self.ui.as_ref().map_or_else(|| json!({ "enabled": false }), ui_shown),
            "sources": sources,
            "destinations": destinations,
            "alerts": alerts,
            "watchdog": self.watchdog.to_shown(),
        }))
    }
}

fn ui_shown(ui: &hearback_ui::Options) -> Value {
    #[cfg(feature = "oidc")]
    let oidc = ui.oidc.as_ref().map(super::oidc::shown);
    #[cfg(not(feature = "oidc"))]
    let oidc = Value::Null;
    json!({
        "enabled": true,
        "public_url": ui.public_url.as_deref().map(printable_url),
        "trusted_header": ui.trusted_header.as_ref().map(ToString::to_string),
        "trusted_networks": ui.trusted_networks,
        "trusted_role": ui.trusted_role.name(),
        "viewers_see_addresses": ui.viewers_see_addresses,
        "session_days": ui.session_days,
        "oidc": oidc,
    })
}

impl SourceConfig {
    fn to_shown(&self) -> Value {
        let mut shown = json!({
            "provider": self.provider.name(),
            "account": self.reference.account,
            "mode": self.mode.name(),
            "paths": self.paths,
            "unknown_message": match self.unknown_message {
                hearback_server::UnknownMessage::Store => "store",
                hearback_server::UnknownMessage::Reject => "reject",
            },
            "body_max": self.body_bytes_max,
            "requests_per_second": self.requests_per_second,
            "public_url": self.public_url.as_deref().map(printable_url),
            "send": self.send.as_ref().map(|send| send.printable.clone()),
        });
        if let Value::Object(fields) = &mut shown {
            fields.extend(self.printable_options.clone());
        }
        shown
    }
}

/// TOML has no null: what is not set is left out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
