//! Who may speak to a page: whoever brings the key in the address, and then the cookie for it.
//!
//! Invariants:
//! - The `Host` is one of the page's own, so that a name that is rebound to this address gets nothing.
//! - What is sent to change something comes from the page itself: its `Origin`, its cookie, and a JSON
//!   body, which no form of another page can send. A key alone changes nothing.
//! - Everyone else gets 403, before anything is read.
//! - Every answer carries the headers that keep a page from loading, framing or running anything else.
//!
//! It deliberately does not know where keys are kept, nor for how long they are good: [`Keys`] does.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// How long a browser keeps its cookie, if nothing else is said.
const COOKIE_LASTS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What every answer says to the browser.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Knows the keys and cookies of a page.
pub trait Keys: Debug + Send + Sync + 'static {
    /// What the cookie is to hold for who brings this key; `None` if the key is not good (any more).
    fn enter(&self, key: &str) -> impl Future<Output = Option<String>> + Send;

    /// Whether this is what a cookie was made to hold, and is still good.
    fn knows(&self, cookie: &str) -> impl Future<Output = bool> + Send;
}

impl<K: Keys> Keys for Arc<K> {
    fn enter(&self, key: &str) -> impl Future<Output = Option<String>> + Send {
        (**self).enter(key)
    }

    fn knows(&self, cookie: &str) -> impl Future<Output = bool> + Send {
        (**self).knows(cookie)
    }
}

/// Whether two secrets are the same; how long it takes says nothing of where they differ.
pub fn same(one: &str, other: &str) -> bool {
    // The comparison of hashes takes constant time, and they tell nothing of what was hashed.
    blake3::hash(one.as_bytes()) == blake3::hash(other.as_bytes())
}

/// Guards a page.
#[derive(Debug)]
pub struct Guard<K> {
    keys: K,
    /// `HOST:PORT` by which the page is reached.
    hosts: Vec<String>,
    tls: bool,
    cookie: String,
    path: String,
    lasts: Duration,
    refusal: String,
}

impl<K: Keys> Guard<K> {
    /// For a page that is reached by these hosts (`HOST:PORT`), with its cookie's name.
    pub fn new(keys: K, hosts: Vec<String>, cookie: String) -> Self {
        let refusal = "This address is not good (any more).".to_owned();
        let (path, lasts) = ("/".to_owned(), COOKIE_LASTS);
        Self { keys, hosts, tls: false, cookie, path, lasts, refusal }
    }

    /// For one that is reached over TLS.
    #[must_use]
    pub fn over_tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// For one that is only a part of what is served: its cookie is for this path.
    #[must_use]
    pub fn below(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// For one whose cookie is good for so long.
    #[must_use]
    pub fn lasting(self, lasts: Duration) -> Self {
        Self { lasts, ..self }
    }

    /// What a person is told who has no good key: what to do.
    #[must_use]
    pub fn refusing(self, words: &str) -> Self {
        Self { refusal: words.to_owned(), ..self }
    }

    /// Says whether a request may pass, and the cookie that its answer sets if it brought the key.
    async fn judge(&self, request: &Parts) -> Result<Option<HeaderValue>, &str> {
        let headers = &request.headers;
        let host = self.own_host(request).ok_or("This is not the name of this page.")?;
        let scheme = if self.tls { "https" } else { "http" };
        let own_origin = format!("{scheme}://{host}");
        let foreign = "This request comes from another page.";
        let origin = one(headers, &header::ORIGIN);
        if origin.is_some_and(|origin| origin != own_origin) {
            return Err(foreign);
        }
        if matches!(request.method, Method::GET | Method::HEAD) {
            if let Some(key) = key(request)
                && let Some(value) = self.keys.enter(key).await
            {
                return self.set_cookie(&value).map(Some).ok_or(&self.refusal);
            }
        } else if request.method != Method::POST || origin.is_none() || !is_json(headers) {
            return Err(foreign);
        }
        let site = one(headers, &HeaderName::from_static("sec-fetch-site"));
        if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
            return Err(foreign);
        }
        for value in cookies(headers, &self.cookie) {
            if self.keys.knows(value).await {
                return Ok(None);
            }
        }
        Err(&self.refusal)
    }

    fn own_host<'r>(&self, request: &'r Parts) -> Option<&'r str> {
        let host = one(&request.headers, &header::HOST)?;
        let asked = request.uri.authority().is_none_or(|asked| asked.as_str() == host);
        let own = self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
        (asked && own).then_some(host)
    }

    fn set_cookie(&self, value: &str) -> Option<HeaderValue> {
        let Self { cookie, path, tls, lasts, .. } = self;
        let (secure, seconds) = (if *tls { "; Secure" } else { "" }, lasts.as_secs());
        let text = format!(
            "{cookie}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict\
             {secure}"
        );
        HeaderValue::try_from(text).ok()
    }
}

/// The middleware: `middleware::from_fn_with_state(guard, guard::stand::<K>)`, around all of a page.
pub async fn stand<K: Keys>(
    State(guard): State<Arc<Guard<K>>>,
    request: Request,
    next: Next,
) -> Response {
    let (request, body) = request.into_parts();
    let mut response = match guard.judge(&request).await {
        Ok(cookie) => {
            let mut response = next.run(Request::from_parts(request, body)).await;
            if let Some(cookie) = cookie {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(words) => (StatusCode::FORBIDDEN, format!("{words}\n")).into_response(),
    };
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// The value of a header that is there once.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    // What is there twice, or is no text, is nobody's: it equals nothing that is wanted.
    Some(if values.next().is_some() { "" } else { value.to_str().unwrap_or("") })
}

fn key(request: &Parts) -> Option<&str> {
    request.uri.query()?.split('&').find_map(|pair| pair.strip_prefix("key="))
}

fn cookies<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(move |pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = one(headers, &header::CONTENT_TYPE).and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct One;

    impl Keys for One {
        async fn enter(&self, key: &str) -> Option<String> {
            same(key, "right").then(|| "baked".to_owned())
        }

        async fn knows(&self, cookie: &str) -> bool {
            same(cookie, "baked")
        }
    }

    /// What a request with these headers is answered: `passes`, `enters` or `403`.
    async fn check(method: &str, uri: &str, headers: &[(&str, &str)]) -> &'static str {
        let hosts = vec!["127.0.0.1:80".to_owned(), "localhost:80".to_owned()];
        let guard = Guard::new(One, hosts, "onefold-80".to_owned());
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (request, ()) = request.body(()).unwrap().into_parts();
        match guard.judge(&request).await {
            Ok(None) => "passes",
            Ok(Some(cookie)) => {
                let cookie = cookie.to_str().unwrap();
                assert!(cookie.starts_with("onefold-80=baked; Path=/;"), "{cookie}");
                assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
                "enters"
            }
            Err(_) => "403",
        }
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:80");
    const COOKIE: (&str, &str) = ("cookie", "other=1; onefold-80=baked");
    const ORIGIN: (&str, &str) = ("origin", "http://127.0.0.1:80");
    const JSON: (&str, &str) = ("content-type", "application/json");

    #[tokio::test]
    async fn who_brings_the_key_enters_and_the_cookie_passes() {
        assert_eq!(check("GET", "/?key=right", &[HOST]).await, "enters");
        assert_eq!(check("GET", "/", &[HOST, COOKIE]).await, "passes");
        assert_eq!(check("GET", "/?key=old", &[HOST, COOKIE]).await, "passes");
        assert_eq!(check("GET", "/", &[("host", "LOCALHOST:80"), COOKIE]).await, "passes");
        assert_eq!(check("POST", "/x", &[HOST, COOKIE, ORIGIN, JSON]).await, "passes");
    }

    #[tokio::test]
    async fn without_a_key_nothing_passes() {
        for headers in [
            &[HOST][..],
            &[HOST, ("cookie", "onefold-80=raw")],
            &[HOST, ("cookie", "onefold-81=baked")],
        ] {
            assert_eq!(check("GET", "/", headers).await, "403", "{headers:?}");
        }
        assert_eq!(check("GET", "/?key=wrong", &[HOST]).await, "403");
        assert_eq!(check("GET", "/?key=", &[HOST]).await, "403");
        assert_eq!(check("POST", "/x?key=right", &[HOST, ORIGIN, JSON]).await, "403");
    }

    #[tokio::test]
    async fn another_host_gets_nothing() {
        for host in ["evil.example:80", "127.0.0.1", "127.0.0.1:81", "127.0.0.1:80.evil.example"] {
            assert_eq!(check("GET", "/?key=right", &[("host", host), COOKIE]).await, "403");
        }
        assert_eq!(check("GET", "/?key=right", &[COOKIE]).await, "403");
        assert_eq!(check("GET", "/?key=right", &[HOST, HOST]).await, "403");
        assert_eq!(check("GET", "http://evil.example/?key=right", &[HOST]).await, "403");
    }

    #[tokio::test]
    async fn another_page_changes_nothing() {
        let evil = ("origin", "http://evil.example");
        for headers in [
            &[HOST, COOKIE, JSON][..],
            &[HOST, COOKIE, JSON, evil],
            &[HOST, COOKIE, JSON, ("origin", "null")],
            &[HOST, COOKIE, JSON, ("origin", "https://127.0.0.1:80")],
            &[HOST, COOKIE, JSON, ("origin", "http://localhost:80")],
            &[HOST, COOKIE, JSON, ORIGIN, ORIGIN],
            &[HOST, COOKIE, ORIGIN, ("content-type", "text/plain")],
            &[HOST, COOKIE, ORIGIN],
            &[HOST, COOKIE, ORIGIN, JSON, ("sec-fetch-site", "same-site")],
        ] {
            assert_eq!(check("POST", "/x", headers).await, "403", "{headers:?}");
        }
        assert_eq!(check("GET", "/", &[HOST, COOKIE, evil]).await, "403");
        assert_eq!(
            check("GET", "/", &[HOST, COOKIE, ("sec-fetch-site", "cross-site")]).await,
            "403"
        );
        for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
            assert_eq!(check(method, "/x", &[HOST, COOKIE, ORIGIN, JSON]).await, "403");
        }
    }
}
