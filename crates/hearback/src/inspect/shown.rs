//! What of a request may be shown.

/// A header's value as it may be shown: signatures by their beginning, credentials not at all.
pub(super) fn shown(name: &str, value: &str) -> String {
    let secret = ["authorization", "cookie", "secret", "password", "api-key", "auth"];
    if secret.iter().any(|word| name.contains(word)) {
        let scheme = value.split_once(' ').map_or("", |(scheme, _)| scheme);
        return format!("{scheme} (hidden, {} characters)", value.len()).trim_start().to_owned();
    }
    if name.contains("signature") || name.contains("token") {
        let head: String = value.chars().take(8).collect();
        return format!("{head}… ({} characters)", value.len());
    }
    value.chars().take(120).collect()
}

/// A URL (or path) without user and password, and with the values of queries hidden whose names say that they are secret.
pub(super) fn without_query_secrets(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return without_user(url) };
    let path = without_user(path);
    let shown: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _))
                if ["secret", "token", "key", "password", "auth"]
                    .iter()
                    .any(|word| name.to_ascii_lowercase().contains(word)) =>
            {
                format!("{name}=…")
            }
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", shown.join("&"))
}

fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://…@{host}{path}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(shown("authorization", "Basic aG9vazpz"), "Basic (hidden, 14 characters)");
        assert_eq!(shown("x-webhook-secret", "abcdef"), "(hidden, 6 characters)");
        assert_eq!(shown("svix-signature", "v1,XzoICT+6w3fX"), "v1,XzoIC… (15 characters)");
        assert_eq!(shown("content-type", "application/json"), "application/json");
        assert_eq!(without_query_secrets("/in?secret=s3cr3t&src=a"), "/in?secret=…&src=a");
        assert_eq!(without_query_secrets("https://a:b@h.example/in?x=1"), "https://…@h.example/in?x=1");
    }
}
