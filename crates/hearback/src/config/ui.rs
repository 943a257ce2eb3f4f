//! `[ui]`: the web interface.

use hearback_store::Role;
use hearback_ui::Options;
use reqwest::header::HeaderName;

use super::node::Table;
use super::section::{Report, Section};
use super::{ServerConfig, parse};

/// What `[ui]` says; `None` where it is switched off.
pub(crate) fn section(root: &mut Table, server: &ServerConfig, report: &mut Report) -> Option<Options> {
    let mut section = Section::of(root, "ui", report);
    let enabled = section.flag("enabled").is_none_or(|(yes, _)| yes);
    let default = Options::default();
    let header_at = section.place_of("trusted_header");
    let public_url = section.text("public_url", parse::base_url).map(|(url, _)| url);
    let public_url = public_url.or_else(|| server.public_url.clone().filter(|_| server.admin.is_none()));
    let oidc = section.take("oidc");
    #[cfg(feature = "oidc")]
    let oidc = super::oidc::read(oidc, public_url.as_deref(), section.report());
    #[cfg(not(feature = "oidc"))]
    not_built_in(oidc, section.report());
    let options = Options {
        trusted_header: section.text("trusted_header", header).map(|(header, _)| header),
        trusted_networks: section
            .list("trusted_networks", parse::network)
            .into_iter()
            .map(|(net, _)| net)
            .collect(),
        trusted_role: section.text("trusted_role", role).map_or(default.trusted_role, |(role, _)| role),
        viewers_see_addresses: section.flag("viewers_see_addresses").is_some_and(|(yes, _)| yes),
        session_days: section
            .number("session_days", 1..=365)
            .map_or(default.session_days, |days| days as u32),
        trusted_proxies: server.trusted_proxies.clone(),
        public_url,
        demo: false,
        // Known from other tables.
        rules: Vec::new(),
        expect: Vec::new(),
        #[cfg(feature = "oidc")]
        oidc,
    };
    if options.trusted_header.is_some() && options.trusted_networks.is_empty() {
        let message = "whoever sends this header would be let in; say from where the proxy comes: \
                       `trusted_networks = [\"10.0.0.5/32\"]`";
        section.report().problem(&header_at, message);
    }
    section.finish();
    enabled.then_some(options)
}

/// Single sign-on that is configured and cannot be had.
#[cfg(not(feature = "oidc"))]
fn not_built_in(oidc: Option<super::node::Node>, report: &mut Report) {
    if let Some(oidc) = oidc {
        let message = "this program was built without OpenID Connect; build it with `cargo build --release --features oidc`";
        report.problem(&oidc.place, message);
    }
}

fn header(text: &str) -> Result<HeaderName, String> {
    text.parse().map_err(|_| "expected the name of a header, such as \"Remote-User\"".to_owned())
}

pub(super) fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|error: hearback_store::UnknownRole| error.to_string())
}
