//! Asking the provider: what it says of itself, its keys, a token for a code. What seldom changes is kept for a while.

use std::sync::Arc;

use hearback_event::Timestamp;
use hearback_providers::crypto::HmacKey;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{RequestBuilder, Url};
use serde_json::Value;
use tokio::sync::Mutex;

use super::attempt::Attempt;
use super::http::{Http, OidcError, unanswered};
use super::jws::Keys;
use super::kept::Kept;
use super::metadata::{self, Metadata, Proof};
use super::options::OidcOptions;
use super::token::{self, Claims, Expected, TokenError};

/// What the provider says of itself, and its keys, are kept for so many seconds.
const KEPT: i64 = 3600;
/// For a key that is not known the keys are asked for again, but not more often than in so many seconds.
const KEYS_AGAIN: i64 = 30;

/// A provider of identities, ready to be asked. Cheap to clone.
#[derive(Clone)]
pub struct Oidc(Arc<Inner>);

struct Inner {
    options: OidcOptions,
    http: Http,
    cookie_key: HmacKey,
    metadata: Mutex<Kept<Metadata>>,
    keys: Mutex<Kept<Keys>>,
    /// When the keys were asked for again last, because one was not known.
    keys_again: Mutex<Option<Timestamp>>,
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oidc").field("issuer", &self.0.options.issuer).finish_non_exhaustive()
    }
}

impl Oidc {
    /// Nothing is asked yet: a provider that is out of reach keeps nobody from starting.
    ///
    /// # Errors
    /// Where encryption cannot be set up: no roots are found on this machine.
    pub fn new(options: OidcOptions) -> Result<Self, OidcError> {
        let http = Http::new()?;
        let cookie_key = Attempt::key(&options.client_id, &options.client_secret);
        let (metadata, keys, keys_again) = (Mutex::default(), Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { options, http, cookie_key, metadata, keys, keys_again })))
    }

    /// What it was made of.
    pub fn options(&self) -> &OidcOptions {
        &self.0.options
    }

    /// The key of the cookies that tie an answer to who asked.
    pub(crate) fn cookie_key(&self) -> &HmacKey {
        &self.0.cookie_key
    }

    /// Asks the provider what it says of itself and for its keys: whether the configuration is right, as far as that can be known
    /// without anybody's signing in. In words.
    pub async fn probe(&self, now: Timestamp) -> Result<String, OidcError> {
        self.metadata(now).await?;
        let keys = self.keys(KEPT, now).await?;
        Ok(match keys.len() {
            1 => "it answers, with 1 key".to_owned(),
            count => format!("it answers, with {count} keys"),
        })
    }

    /// What the provider says of itself.
    pub(crate) async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, OidcError> {
        let mut kept = self.0.metadata.lock().await;
        if let Some(fresh) = kept.fresh(KEPT, now) {
            return fresh;
        }
        let address = metadata::address(&self.0.options.issuer);
        let fetched = match self.0.http.fetch(&address).await {
            Ok(json) => {
                metadata::read(&json, &self.0.options.issuer).map_err(|why| unanswered(&address, why))
            }
            Err(error) => Err(error),
        };
        kept.put(fetched, now)
    }

    /// The provider's keys as they are now, for one that is not known, unless they were asked for lately for the same reason: who
    /// comes with made-up keys does not make us ask each time.
    async fn newest_keys(&self, now: Timestamp) -> Result<Arc<Keys>, OidcError> {
        let mut last = self.0.keys_again.lock().await;
        if last.is_some_and(|at| now.seconds_since(at) < KEYS_AGAIN) {
            return self.keys(KEPT, now).await;
        }
        *last = Some(now);
        self.keys(0, now).await
    }

    /// The provider's keys, if they are younger than `seconds`, else newer ones.
    async fn keys(&self, seconds: i64, now: Timestamp) -> Result<Arc<Keys>, OidcError> {
        let metadata = self.metadata(now).await?;
        let mut kept = self.0.keys.lock().await;
        if let Some(fresh) = kept.fresh(seconds, now) {
            return fresh;
        }
        let fetched = match self.0.http.fetch(metadata.keys.as_str()).await {
            Ok(json) => Keys::parse(&json).filter(|keys| keys.len() > 0).ok_or_else(|| {
                unanswered(
                    metadata.keys.as_str(),
                    "what is found there is no key set with a key that can be used".to_owned(),
                )
            }),
            Err(error) => Err(error),
        };
        kept.put(fetched, now)
    }

    /// Where the browser is sent to sign in.
    pub(crate) fn sign_in_at(&self, metadata: &Metadata, attempt: &Attempt) -> Url {
        let options = &self.0.options;
        let mut url = metadata.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &options.client_id)
            .append_pair("redirect_uri", &options.redirect_uri())
            .append_pair("scope", &options.scopes.join(" "))
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        url
    }

    /// Where one can sign out of the provider, too, if it has such a place.
    pub(crate) async fn sign_out_at(&self, now: Timestamp) -> Option<Url> {
        let mut url = self.metadata(now).await.ok()?.end_session.clone()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.0.options.client_id)
            .append_pair("post_logout_redirect_uri", &self.0.options.signed_out_uri());
        Some(url)
    }

    /// Who came back with this code.
    pub(crate) async fn claims(
        &self,
        code: &str,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<Claims, OidcError> {
        let metadata = self.metadata(now).await?;
        let answer = self.exchange(&metadata, code, attempt).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let id_token = text("id_token").ok_or_else(|| {
            unanswered(
                metadata.token.as_str(),
                "there is no ID token; is `openid` among the scopes?".to_owned(),
            )
        })?;
        let mut claims = self.believe(id_token, &attempt.nonce(), now).await?;
        if let (true, Some(url), Some(access)) =
            (self.0.options.lacks(&claims), &metadata.userinfo, text("access_token"))
        {
            self.complete(&mut claims, url, access).await?;
        }
        Ok(claims)
    }

    /// The claims of a token, if it is to be believed. Keys that are not known may be newer than what is kept.
    async fn believe(&self, id_token: &str, nonce: &str, now: Timestamp) -> Result<Claims, OidcError> {
        let OidcOptions { issuer, client_id, .. } = &self.0.options;
        let expected = Expected { issuer, client_id, nonce, now };
        let verified = match token::verify(id_token, &*self.keys(KEPT, now).await?, &expected) {
            Err(TokenError::UnknownKey) => token::verify(id_token, &*self.newest_keys(now).await?, &expected),
            verified => verified,
        };
        verified.map_err(|error| self.token_error(error))
    }

    fn token_error(&self, error: TokenError) -> OidcError {
        OidcError::Token(format!("{}: {error}", self.0.options.issuer))
    }

    /// Exchanges the code, from server to server.
    async fn exchange(&self, metadata: &Metadata, code: &str, attempt: &Attempt) -> Result<Value, OidcError> {
        let request = self.token_request(metadata, code, attempt);
        let (status, body) = self.0.http.send(request, metadata.token.as_str()).await?;
        let answer: Option<Value> = serde_json::from_slice(&body).ok();
        match answer {
            Some(answer) if (200..300).contains(&status) => Ok(answer),
            Some(answer) if (400..500).contains(&status) => Err(OidcError::Refused(refusal(&answer, status))),
            _ => Err(unanswered(metadata.token.as_str(), format!("it answered {status}, and no JSON"))),
        }
    }

    fn token_request(&self, metadata: &Metadata, code: &str, attempt: &Attempt) -> RequestBuilder {
        let OidcOptions { client_id, client_secret, .. } = &self.0.options;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.0.options.redirect_uri())
            .append_pair("code_verifier", &attempt.verifier());
        let mut request = self.0.http.client().post(metadata.token.clone());
        match metadata.proof {
            Proof::Basic => {
                // RFC 6749, 2.3.1: both are encoded as in forms first.
                let encode =
                    |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request = request.basic_auth(encode(client_id), Some(encode(client_secret.expose())));
            }
            Proof::Post => {
                form.append_pair("client_id", client_id).append_pair("client_secret", client_secret.expose());
            }
        }
        request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
    }

    /// Adds what only the UserInfo endpoint tells. It replaces nothing of what is signed.
    async fn complete(&self, claims: &mut Claims, url: &Url, access: &str) -> Result<(), OidcError> {
        let request = self.0.http.client().get(url.clone()).header(AUTHORIZATION, format!("Bearer {access}"));
        let (status, body) = self.0.http.send(request, url.as_str()).await?;
        let told: Option<Claims> = serde_json::from_slice(&body).ok().filter(|_| status == 200);
        let told = told
            .ok_or_else(|| unanswered(url.as_str(), format!("it answered {status}, and no JSON object")))?;
        if told.get("sub") != claims.get("sub") {
            return Err(unanswered(url.as_str(), "it tells of somebody else".to_owned()));
        }
        for (name, value) in told {
            claims.entry(name).or_insert(value);
        }
        Ok(())
    }
}

/// Why the provider does not take a code, in its words: those are for whoever set up the client.
fn refusal(answer: &Value, status: u16) -> String {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    let said = format!("{status} {} {}", text("error"), text("error_description"));
    said.chars().filter(|letter| !letter.is_control()).take(300).collect::<String>().trim_end().to_owned()
}
