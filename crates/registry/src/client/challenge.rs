//! `WWW-Authenticate` headers, and which host may see credentials.

/// One challenge of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

/// The challenges that are understood, in the order in which they came.
pub(super) fn parse(headers: &http::HeaderMap) -> Vec<Challenge> {
    headers
        .get_all(http::header::WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(parse_header)
        .collect()
}

fn parse_header(header: &str) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    let mut rest = header.trim_start();
    while !rest.is_empty() && challenges.len() < 8 {
        let end = rest.find([' ', ',']).unwrap_or(rest.len());
        let scheme = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start_matches(' ');
        let mut parameters = Vec::new();
        while let Some((name, value, after)) = parameter(rest) {
            parameters.push((name, value));
            rest = after;
        }
        let find =
            |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        match scheme.as_str() {
            "basic" => challenges.push(Challenge::Basic),
            "bearer" => {
                if let Some(realm) = find("realm") {
                    challenges.push(Challenge::Bearer { realm, service: find("service") });
                }
            }
            _ => (),
        }
        rest = rest.trim_start_matches([' ', ',']);
    }
    challenges
}

/// `NAME=VALUE` or `NAME="VALUE"` and what follows its comma; `None` where no parameter begins.
fn parameter(text: &str) -> Option<(String, String, &str)> {
    let text = text.trim_start_matches([' ', ',']);
    let end =
        text.find(|character: char| !(character.is_ascii_alphanumeric() || "-_".contains(character)))?;
    let after = text[end..].trim_start().strip_prefix('=')?.trim_start();
    if end == 0 {
        return None;
    }
    let name = text[..end].to_ascii_lowercase();
    if let Some(quoted) = after.strip_prefix('"') {
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((position, character)) = characters.next() {
            match character {
                '"' => return Some((name, value, &quoted[position + 1..])),
                '\\' => value.push(characters.next()?.1),
                other => value.push(other),
            }
        }
        return None;
    }
    let end = after.find([',', ' ']).unwrap_or(after.len());
    Some((name, after[..end].to_owned(), &after[end..]))
}

/// Whether a registry's credentials may go to its token server: the same host and port, or a host of the same
/// site (`registry-1.docker.io` and `auth.docker.io`). Hosts are in lower case.
pub(super) fn same_site(registry: (&str, u16), realm: (&str, u16)) -> bool {
    if registry == realm {
        return true;
    }
    let is_address = |host: &str| host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok();
    if is_address(registry.0) || is_address(realm.0) || registry.0 == "localhost" {
        return false;
    }
    if registry.0 == realm.0 {
        return true;
    }
    let beneath = |host: &str, site: &str| {
        is_site(site) && (host == site || host.strip_suffix(site).is_some_and(|rest| rest.ends_with('.')))
    };
    let parent = |host: &str| host.split_once('.').map(|(_, parent)| parent.to_owned());
    beneath(realm.0, registry.0)
        || parent(registry.0).is_some_and(|site| beneath(realm.0, &site))
        || beneath(registry.0, realm.0)
}

/// Whether one owner holds everything beneath `host`: not so for `io` and `co.uk`.
fn is_site(host: &str) -> bool {
    const SHARED: &[&str] = &["ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "or", "org"];
    match host.split_once('.') {
        None => false,
        Some((first, last)) => last.contains('.') || last.len() != 2 || !SHARED.contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_registries_send() {
        assert_eq!(
            parse_header(
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#
            ),
            [Challenge::Bearer {
                realm: "https://auth.docker.io/token".into(),
                service: Some("registry.docker.io".into())
            }]
        );
        assert_eq!(
            parse_header(r#"Basic realm="a \"b\", c", Bearer realm=https://x/y"#),
            [Challenge::Basic, Challenge::Bearer { realm: "https://x/y".into(), service: None }]
        );
        assert_eq!(parse_header("Negotiate, Basic"), [Challenge::Basic]);
        for odd in ["", "Bearer", "Bearer realm=\"open", "=", ",,,", "Bearer =x", "\"", "Bearer realm"] {
            assert_eq!(parse_header(odd), [], "{odd}");
        }
    }

    #[test]
    fn credentials_stay_on_the_site() {
        for (registry, realm, expected) in [
            (("registry-1.docker.io", 443), ("auth.docker.io", 443), true),
            (("registry.gitlab.com", 443), ("gitlab.com", 443), true),
            (("ghcr.io", 443), ("ghcr.io", 443), true),
            (("r.example", 5000), ("r.example", 5001), true),
            (("r.example.co.uk", 443), ("auth.example.co.uk", 443), true),
            (("quay.io", 443), ("evil.io", 443), false),
            (("mine.co.uk", 443), ("evil.co.uk", 443), false),
            (("quay.io", 443), ("evilquay.io", 443), false),
            (("127.0.0.1", 5000), ("127.0.0.1", 5001), false),
            (("127.0.0.1", 5000), ("127.0.0.1", 5000), true),
            (("localhost", 5000), ("localhost", 5001), false),
            (("r.example.com", 443), ("r.example.org", 443), false),
        ] {
            assert_eq!(same_site(registry, realm), expected, "{registry:?} {realm:?}");
        }
    }
}
