//! Paths as clients write them, made ready for routing.

/// Verbs that follow an image's name.
const IMAGE_VERBS: &[&str] = &[
    "json",
    "history",
    "push",
    "tag",
    "untag",
    "get",
    "exists",
    "tree",
    "changes",
    "resolve",
    "attestations",
];

/// Takes the version prefix (`/v1.44`, `/v5.0.0`) off and escapes the slashes of image names, which Docker's clients
/// leave as they are.
pub(crate) fn normalise(path: &str) -> String {
    let path = without_version(path);
    // With the verbs that this kind alone has.
    for (prefix, verbs) in [
        ("/libpod/images/", &["explain", "documents", "distribution", "files"][..]),
        ("/cove/images/", &["files", "file", "tar"]),
        ("/images/", &[]),
        ("/libpod/artifacts/", &["extract"]),
        ("/distribution/", &[]),
    ] {
        if let Some(rest) = path.strip_prefix(prefix) {
            return format!("{prefix}{}", escape_name(rest, verbs));
        }
    }
    if let Some(rest) = path.strip_prefix("/libpod/manifests/") {
        let rest = match rest.split_once("/registry/") {
            Some((name, place)) if !has_verb(rest) => {
                format!("{}/registry/{}", name.replace('/', "%2F"), place.replace('/', "%2F"))
            }
            _ => escape_name(rest, &[]),
        };
        return format!("/libpod/manifests/{rest}");
    }
    path.to_owned()
}

/// A path without the version that it may begin with.
pub(crate) fn without_version(path: &str) -> &str {
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

/// Whether it ends with a verb.
fn has_verb(rest: &str) -> bool {
    rest.rsplit('/').next().is_some_and(|last| IMAGE_VERBS.contains(&last))
}

fn escape_name(rest: &str, more: &[&str]) -> String {
    match rest.rsplit_once('/') {
        Some((name, verb)) if IMAGE_VERBS.contains(&verb) || more.contains(&verb) => {
            format!("{}/{verb}", name.replace('/', "%2F"))
        }
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
            ("/images/quay.io/me/files", "/images/quay.io%2Fme%2Ffiles"),
            ("/libpod/images/quay.io/me/files", "/libpod/images/quay.io%2Fme/files"),
            ("/v5.0.0/cove/images/quay.io/a:1/tar", "/cove/images/quay.io%2Fa:1/tar"),
            ("/libpod/manifests/quay.io/a:1/json", "/libpod/manifests/quay.io%2Fa:1/json"),
            ("/libpod/manifests/a/b", "/libpod/manifests/a%2Fb"),
            ("/libpod/artifacts/quay.io/a:1/extract", "/libpod/artifacts/quay.io%2Fa:1/extract"),
            ("/images/quay.io/me/extract", "/images/quay.io%2Fme%2Fextract"),
            ("/libpod/images/quay.io/me/explain", "/libpod/images/quay.io%2Fme/explain"),
            ("/libpod/manifests/quay.io/registry/a/json", "/libpod/manifests/quay.io%2Fregistry%2Fa/json"),
            ("/libpod/artifacts/remove", "/libpod/artifacts/remove"),
            ("/v1.44/distribution/quay.io/a/b:1/json", "/distribution/quay.io%2Fa%2Fb:1/json"),
            ("/libpod/manifests/a/b/registry/c:5/d", "/libpod/manifests/a%2Fb/registry/c:5%2Fd"),
            ("/v4.0.0/libpod/images/quay.io%2Fx/exists", "/libpod/images/quay.io%2Fx/exists"),
        ] {
            assert_eq!(normalise(path), expected, "{path}");
        }
    }
}
