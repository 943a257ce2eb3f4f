//! A provider of identities over real HTTP, as strict as a real one: it knows one client with its secret and redirect URI, gives each
//! code once, and checks PKCE. What it tells, and how it signs, a test may spoil.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(super) const CLIENT: &str = "hearback";
pub(super) const SECRET: &str = "s3cret: with/odd+signs~";
pub(super) const PUBLIC: &str = "https://hearback.example.com";

use super::key::{Key, encode};

type Pairs = HashMap<String, String>;

/// Seconds since 1970.
fn now() -> i64 {
    hearback_event::Timestamp::now().as_seconds()
}

/// What a test has spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoilt {
    Nonce,
    Audience,
    Issuer,
    IssuerOfAnswer,
    Expired,
    /// Signed with a key of the same name that is not published.
    ForeignKey,
    /// Not signed.
    Unsigned,
    /// Signed with HMAC under the published key.
    PublicKeyAsSecret,
    /// Claims that are changed after signing.
    Changed,
    /// It tells of an error instead.
    Error(&'static str),
}

/// A code that was given out.
struct Grant {
    asked: Pairs,
    claims: Value,
    used: bool,
}

/// What the provider knows, for tests to change.
pub(super) struct Known {
    issuer: String,
    /// Who signs in.
    pub(super) claims: Value,
    /// What UserInfo tells beyond.
    pub(super) beyond: Value,
    /// The algorithm of ID tokens.
    pub(super) algorithm: &'static str,
    /// Whether the secret is taken in the form only.
    pub(super) post_only: bool,
    pub(super) spoilt: Option<Spoilt>,
    key: Key,
    foreign: Key,
    codes: HashMap<String, Grant>,
    /// Everything secret that it gave out.
    pub(super) secrets: Vec<String>,
    /// How often its keys were asked for.
    pub(super) keys_asked: usize,
    /// What went wrong in its eyes.
    pub(super) complaints: Vec<String>,
}

type Shared = Arc<Mutex<Known>>;

pub(super) struct Provider {
    pub(super) issuer: String,
    known: Shared,
    // Ends the server with the test.
    runtime: Runtime,
}

impl Provider {
    pub(super) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let known = Known {
            issuer: issuer.clone(),
            claims: json!({"sub": "1001", "email": "Nora@example.com", "email_verified": true, "groups": ["boss"]}),
            beyond: json!({}),
            algorithm: "RS256",
            post_only: false,
            spoilt: None,
            key: Key::new("first"),
            foreign: Key::new("first"),
            codes: HashMap::new(),
            secrets: vec![SECRET.to_owned()],
            keys_asked: 0,
            complaints: Vec::new(),
        };
        let known = Arc::new(Mutex::new(known));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/keys", get(keys))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&known));
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, known, runtime }
    }

    pub(super) fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }

    /// Signs with a new key from now on, and publishes nothing but that.
    pub(super) fn rotate(&self, id: &str) {
        self.known().key = Key::new(id);
    }

    /// It is gone.
    pub(super) fn stop(self) {
        self.runtime.shutdown_background();
    }
}

async fn describe(State(known): State<Shared>) -> Response {
    let known = known.lock().unwrap();
    let issuer = &known.issuer;
    let way = if known.post_only { "client_secret_post" } else { "client_secret_basic" };
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize?realm=main"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": [way],
        "authorization_response_iss_parameter_supported": true,
    }))
    .into_response()
}

async fn keys(State(known): State<Shared>) -> Json<Value> {
    let mut known = known.lock().unwrap();
    known.keys_asked += 1;
    Json(known.key.published())
}

/// Whoever comes is signed in there already.
async fn authorize(State(known): State<Shared>, Query(asked): Query<Pairs>) -> Response {
    let mut known = known.lock().unwrap();
    let get = |name: &str| asked.get(name).map_or("", String::as_str);
    let callback = format!("{PUBLIC}/sign-in/oidc/callback");
    let right = get("client_id") == CLIENT
        && get("realm") == "main"
        && get("redirect_uri") == callback
        && get("response_type") == "code"
        && get("scope").split(' ').any(|scope| scope == "openid")
        && get("code_challenge_method") == "S256"
        && get("code_challenge").len() == 43
        && get("state").len() >= 20
        && get("nonce").len() >= 20
        && get("state") != get("nonce");
    if !right {
        known.complaints.push(format!("{asked:?}"));
        return StatusCode::BAD_REQUEST.into_response();
    }
    let issuer = if known.spoilt == Some(Spoilt::IssuerOfAnswer) {
        "https://evil.example"
    } else {
        known.issuer.as_str()
    };
    let mut answer = form_pairs(&[("state", get("state")), ("iss", issuer)]);
    if let Some(Spoilt::Error(error)) = known.spoilt {
        answer.push_str(&form_pairs(&[
            ("", ""),
            ("error", error),
            ("error_description", "<b>long words</b>"),
        ]));
    } else {
        let code = format!("code-{}-{}", known.codes.len(), fresh());
        answer.push_str(&form_pairs(&[("", ""), ("code", &code)]));
        let claims = known.claims.clone();
        known.codes.insert(code.clone(), Grant { asked: asked.clone(), claims, used: false });
        known.secrets.push(code);
    }
    Redirect::to(&format!("{callback}?{answer}")).into_response()
}

/// A text that nobody guesses.
fn fresh() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    encode(&bytes)
}

fn pairs(form: &str) -> Pairs {
    reqwest::Url::parse(&format!("http://x/?{form}")).unwrap().query_pairs().into_owned().collect()
}

fn form_pairs(pairs: &[(&str, &str)]) -> String {
    let url = reqwest::Url::parse_with_params("http://x/", pairs).unwrap();
    url.query().unwrap_or_default().replacen("=&", "&", 1)
}

async fn token(State(known): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let form: Pairs = pairs(&body);
    let mut known = known.lock().unwrap();
    let refuse = |known: &mut Known, error: &str, why: &str| {
        known.complaints.push(why.to_owned());
        let said = json!({"error": error, "error_description": why});
        (StatusCode::BAD_REQUEST, Json(said)).into_response()
    };
    if !proves_itself(&known, &headers, &form) {
        return refuse(&mut known, "invalid_client", "the client's secret is wrong");
    }
    let get = |name: &str| form.get(name).map_or("", String::as_str);
    let Some(grant) = known.codes.get_mut(get("code")) else {
        return refuse(&mut known, "invalid_grant", "there is no such code");
    };
    if std::mem::replace(&mut grant.used, true) {
        return refuse(&mut known, "invalid_grant", "the code was used already");
    }
    let challenge = encode(digest::digest(&digest::SHA256, get("code_verifier").as_bytes()).as_ref());
    if get("grant_type") != "authorization_code"
        || get("redirect_uri") != grant.asked["redirect_uri"]
        || challenge != grant.asked["code_challenge"]
    {
        return refuse(&mut known, "invalid_grant", "PKCE or the redirect URI is wrong");
    }
    let (claims, nonce) = (grant.claims.clone(), grant.asked["nonce"].clone());
    let id_token = known.id_token(claims, &nonce);
    let access = format!("access-{}", fresh());
    known.secrets.extend([access.clone(), id_token.clone(), id_token.split('.').nth(1).unwrap().to_owned()]);
    Json(json!({"token_type": "Bearer", "expires_in": 300, "access_token": access, "id_token": id_token}))
        .into_response()
}

/// RFC 6749, 2.3.1.
fn proves_itself(known: &Known, headers: &HeaderMap, form: &Pairs) -> bool {
    let basic = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    if known.post_only {
        return basic.is_none()
            && form.get("client_secret").is_some_and(|secret| secret == SECRET)
            && form.get("client_id").is_some_and(|id| id == CLIENT);
    }
    let decoded = basic.and_then(|text| data_encoding::BASE64.decode(text.as_bytes()).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let Some((id, secret)) = decoded.split_once(':') else { return false };
    pairs(&format!("{id}={secret}")).get(CLIENT).is_some_and(|secret| secret == SECRET)
}

impl Known {
    fn id_token(&self, mut claims: Value, nonce: &str) -> String {
        let issuer = if self.spoilt == Some(Spoilt::Issuer) { "https://evil.example" } else { &self.issuer };
        let audience = if self.spoilt == Some(Spoilt::Audience) { "another" } else { CLIENT };
        let nonce = if self.spoilt == Some(Spoilt::Nonce) { "another" } else { nonce };
        let age = if self.spoilt == Some(Spoilt::Expired) { 600 } else { 0 };
        claims["iss"] = issuer.into();
        claims["aud"] = audience.into();
        claims["azp"] = audience.into();
        claims["nonce"] = nonce.into();
        claims["iat"] = (now() - age).into();
        claims["exp"] = (now() - age + 300).into();
        match self.spoilt {
            Some(Spoilt::ForeignKey) => self.foreign.sign(self.algorithm, &claims),
            Some(Spoilt::Unsigned) => self.key.sign("none", &claims),
            Some(Spoilt::PublicKeyAsSecret) => self.key.sign("HS256", &claims),
            Some(Spoilt::Changed) => {
                let signed = self.key.sign(self.algorithm, &claims);
                claims["sub"] = "1".into();
                let parts: Vec<&str> = signed.split('.').collect();
                format!("{}.{}.{}", parts[0], encode(claims.to_string().as_bytes()), parts[2])
            }
            _ => self.key.sign(self.algorithm, &claims),
        }
    }
}

async fn userinfo(State(known): State<Shared>, headers: HeaderMap) -> Response {
    let known = known.lock().unwrap();
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !bearer
        .is_some_and(|token| token.starts_with("access-") && known.secrets.iter().any(|one| one == token))
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut told = known.claims.clone();
    told.as_object_mut().unwrap().extend(known.beyond.as_object().unwrap().clone());
    Json(told).into_response()
}
