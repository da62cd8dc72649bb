//! Paths as clients write them, made ready for routing.

/// Verbs that follow an image's name.
const IMAGE_VERBS: &[&str] = &[
    "json",
    "history",
    "push",
    "extract",
    "tag",
    "untag",
    "get",
    "exists",
    "explain",
    "tree",
    "changes",
    "resolve",
    "attestations",
];

/// Takes the version prefix (`/v1.44`, `/v5.0.0`) off and escapes the slashes of image names, which Docker's clients
/// leave as they are.
pub(crate) fn normalise(path: &str) -> String {
    let path = strip_version(path);
    for prefix in ["/libpod/images/", "/images/"] {
        if let Some(rest) = path.strip_prefix(prefix) {
            return format!("{prefix}{}", escape_name(rest));
        }
    }
    if let Some(rest) = path.strip_prefix("/libpod/artifacts/") {
        return format!("/libpod/artifacts/{}", escape_name(rest));
    }
    if let Some(rest) = path.strip_prefix("/libpod/manifests/") {
        let rest = match rest.split_once("/registry/") {
            Some((name, place)) => {
                format!("{}/registry/{}", name.replace('/', "%2F"), place.replace('/', "%2F"))
            }
            None => escape_name(rest),
        };
        return format!("/libpod/manifests/{rest}");
    }
    path.to_owned()
}

fn strip_version(path: &str) -> &str {
    match version(path) {
        Some(version) => &path["/v".len() + version.len()..],
        None => path,
    }
}

/// The version that a path begins with: `1.44` of `/v1.44/info`.
pub(crate) fn version(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/v")?;
    let (version, _) = rest.split_once('/').unwrap_or((rest, ""));
    let is_version = version.starts_with(|first: char| first.is_ascii_digit())
        && version.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
    is_version.then_some(version)
}

fn escape_name(rest: &str) -> String {
    match rest.rsplit_once('/') {
        Some((name, verb)) if IMAGE_VERBS.contains(&verb) => format!("{}/{verb}", name.replace('/', "%2F")),
        _ => rest.replace('/', "%2F"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_image_names() {
        for (path, expected) in [
            ("/v1.44/containers/json", "/containers/json"),
            ("/v5.0.0/libpod/_ping", "/libpod/_ping"),
            ("/_ping", "/_ping"),
            ("/volumes", "/volumes"),
            ("/images/json", "/images/json"),
            ("/images/localhost:5000/a/b:1/json", "/images/localhost:5000%2Fa%2Fb:1/json"),
            ("/images/a/b", "/images/a%2Fb"),
            ("/libpod/manifests/quay.io/a:1/json", "/libpod/manifests/quay.io%2Fa:1/json"),
            ("/libpod/manifests/a/b", "/libpod/manifests/a%2Fb"),
            ("/libpod/artifacts/quay.io/a:1/extract", "/libpod/artifacts/quay.io%2Fa:1/extract"),
            ("/libpod/artifacts/remove", "/libpod/artifacts/remove"),
            ("/libpod/manifests/a/b/registry/c:5/d", "/libpod/manifests/a%2Fb/registry/c:5%2Fd"),
            ("/v4.0.0/libpod/images/quay.io%2Fx/exists", "/libpod/images/quay.io%2Fx/exists"),
        ] {
            assert_eq!(normalise(path), expected, "{path}");
        }
    }
}
