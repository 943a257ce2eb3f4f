//! What a provider says of itself: OpenID Connect Discovery 1.0.

use reqwest::Url;
use serde_json::Value;

/// Where to ask the provider for what.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    pub(crate) keys: Url,
    pub(crate) userinfo: Option<Url>,
    pub(crate) end_session: Option<Url>,
    pub(crate) proof: Proof,
    /// Whether each answer names the issuer (RFC 9207).
    pub(crate) names_issuer: bool,
}

/// How the client's secret is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// `client_secret_basic`
    Basic,
    /// `client_secret_post`
    Post,
}

/// Where the description of an issuer is.
pub(crate) fn address(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// Reads the description of `issuer`; an error says what is wrong with it.
pub(crate) fn read(json: &[u8], issuer: &str) -> Result<Metadata, String> {
    let said: Value =
        serde_json::from_slice(json).map_err(|_| "what is found there is no JSON".to_owned())?;
    let named = said.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if named != issuer {
        let shown: String = named.chars().filter(|letter| !letter.is_control()).take(200).collect();
        return Err(format!("the provider calls itself `{shown}`; `issuer` must be exactly that"));
    }
    let needed = |name: &str| {
        let url = endpoint(&said, name, issuer)?;
        url.ok_or_else(|| format!("its description has no `{name}`"))
    };
    Ok(Metadata {
        authorization: needed("authorization_endpoint")?,
        token: needed("token_endpoint")?,
        keys: needed("jwks_uri")?,
        userinfo: endpoint(&said, "userinfo_endpoint", issuer)?,
        end_session: endpoint(&said, "end_session_endpoint", issuer)?,
        proof: proof(&said)?,
        names_issuer: said.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
    })
}

fn endpoint(said: &Value, name: &str, issuer: &str) -> Result<Option<Url>, String> {
    let Some(text) = said.get(name).and_then(Value::as_str) else { return Ok(None) };
    let url: Url = text.parse().map_err(|_| format!("its `{name}` is no URL"))?;
    // Only a provider on this machine, for trials, is asked in the clear.
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && issuer.starts_with("http://"));
    if is_safe { Ok(Some(url)) } else { Err(format!("its `{name}` does not begin with https://")) }
}

fn proof(said: &Value) -> Result<Proof, String> {
    // Where nothing is said, the specification says `client_secret_basic`.
    let Some(ways) = said.get("token_endpoint_auth_methods_supported").and_then(Value::as_array) else {
        return Ok(Proof::Basic);
    };
    let has = |way: &str| ways.iter().any(|one| one.as_str() == Some(way));
    if has("client_secret_basic") {
        Ok(Proof::Basic)
    } else if has("client_secret_post") {
        Ok(Proof::Post)
    } else {
        Err("it takes no client secret, neither as client_secret_basic nor as client_secret_post".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://id.example.com/realms/main";

    fn described() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{ISSUER}/auth?kc=1"),
            "token_endpoint": format!("{ISSUER}/token"),
            "jwks_uri": format!("{ISSUER}/keys"),
        })
    }

    fn with(name: &str, value: Value) -> Result<Metadata, String> {
        let mut all = described();
        all[name] = value;
        read(all.to_string().as_bytes(), ISSUER)
    }

    #[test]
    fn a_description_is_read() {
        let least = read(described().to_string().as_bytes(), ISSUER).unwrap();
        assert_eq!((least.proof, least.names_issuer), (Proof::Basic, false));
        assert!(least.userinfo.is_none() && least.end_session.is_none());
        assert_eq!(address(ISSUER), format!("{ISSUER}/.well-known/openid-configuration"));
        assert_eq!(address("https://a.example/"), "https://a.example/.well-known/openid-configuration");
        let proof = |ways: Value| with("token_endpoint_auth_methods_supported", ways).map(|it| it.proof);
        assert_eq!(proof(json!(["client_secret_post", "client_secret_basic"])), Ok(Proof::Basic));
        assert_eq!(proof(json!(["client_secret_post"])), Ok(Proof::Post));
        assert!(proof(json!(["private_key_jwt"])).unwrap_err().contains("no client secret"));
        assert!(with("authorization_response_iss_parameter_supported", json!(true)).unwrap().names_issuer);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (name, value, words) in [
            ("issuer", json!("https://id.example.com/realms/main/"), "must be exactly that"),
            ("issuer", json!(null), "must be exactly that"),
            ("token_endpoint", json!(null), "no `token_endpoint`"),
            ("jwks_uri", json!("http://id.example.com/keys"), "`jwks_uri` does not begin with https"),
            ("end_session_endpoint", json!("javascript:alert(1)"), "does not begin with https"),
            ("authorization_endpoint", json!("/auth"), "no URL"),
        ] {
            let problem = with(name, value).unwrap_err();
            assert!(problem.contains(words), "{problem}");
        }
        assert!(read(b"<html>", ISSUER).unwrap_err().contains("no JSON"));
    }
}
