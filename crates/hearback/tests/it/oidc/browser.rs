//! A browser, as far as signing in needs one: cookies, redirects, forms. What is said to the public URL goes to the server, as
//! a proxy in front with TLS would hand it on.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{HOST, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, Url, redirect};
use tokio::runtime::Runtime;

use super::provider::PUBLIC;

/// A page that was shown.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) location: Option<String>,
    /// The cookies that were set, as they came.
    pub(super) cookies: Vec<String>,
}

impl Page {
    /// The secret of the page's forms.
    pub(super) fn form(&self) -> String {
        let (_, after) = self.body.split_once("name=\"form\" value=\"").unwrap();
        after.split('"').next().unwrap().to_owned()
    }

    /// The link around these words.
    pub(super) fn link(&self, words: &str) -> String {
        let (before, _) = self.body.split_once(words).unwrap_or_else(|| panic!("no {words}: {}", self.body));
        let (_, link) = before.rsplit_once("href=\"").unwrap();
        link.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
    }
}

pub(super) struct Browser {
    runtime: Runtime,
    client: Client,
    server: String,
    /// Where it is, so that each has tries of its own.
    address: String,
    pub(super) jar: BTreeMap<String, String>,
}

impl Browser {
    pub(super) fn new(server: &str, number: u8) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(90))
            .build()
            .unwrap();
        let address = format!("198.51.100.{number}");
        Self { runtime, client, server: server.to_owned(), address, jar: BTreeMap::new() }
    }

    /// The server was started again.
    pub(super) fn finds(&mut self, server: &str) {
        server.clone_into(&mut self.server);
    }

    /// One page, without following where it leads.
    pub(super) fn get(&mut self, url: &str) -> Page {
        self.ask(Method::GET, url, None)
    }

    /// A form.
    pub(super) fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Page {
        let query = Url::parse_with_params("http://x/", fields).unwrap();
        self.ask(Method::POST, url, Some(query.query().unwrap().to_owned()))
    }

    /// A page, and where it leads.
    pub(super) fn open(&mut self, url: &str) -> Page {
        let mut page = self.get(url);
        for _ in 0..10 {
            let Some(to) = page.location.clone() else { return page };
            let to = Url::parse(&page.url).unwrap().join(&to).unwrap();
            page = self.get(to.as_str());
        }
        panic!("it leads in a circle: {}", page.url)
    }

    /// To the provider, and back up to the door: where it sends him to.
    pub(super) fn go_and_return(&mut self, next: &str) -> String {
        let there = self.get(&format!("{PUBLIC}/sign-in/oidc?next={next}"));
        assert_eq!(there.status, 303, "{}", there.body);
        self.get(&there.location.unwrap()).location.unwrap()
    }

    /// Signs in, and says where that ended.
    pub(super) fn sign_in(&mut self) -> Page {
        self.open(&format!("{PUBLIC}/sign-in/oidc"))
    }

    fn ask(&mut self, method: Method, url: &str, form: Option<String>) -> Page {
        let url = if url.starts_with('/') { format!("{PUBLIC}{url}") } else { url.to_owned() };
        let ours = url.strip_prefix(PUBLIC).map(str::to_owned);
        let target = ours.as_ref().map_or(url.clone(), |path| format!("http://{}{path}", self.server));
        let mut request = self.client.request(method, target);
        if ours.is_some() {
            let cookies: Vec<String> =
                self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request
                .header(HOST, PUBLIC.trim_start_matches("https://"))
                .header("x-forwarded-for", &self.address)
                .header("cookie", cookies.join("; "));
        }
        if let Some(form) = form {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        }
        let (status, headers, body) = self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            (status, headers, answer.text().await.unwrap())
        });
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        let cookies: Vec<String> = headers.get_all(SET_COOKIE).iter().map(text).collect();
        for cookie in cookies.iter().filter(|_| ours.is_some()) {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        Page { url, status, body, location: headers.get(LOCATION).map(text), cookies }
    }
}
