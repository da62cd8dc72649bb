//! Whether the name in a signature stands for the image that is asked for.

use cove_config::policy::Identity;

use crate::reference::Reference;

/// Whether a signature made for `signed` (as written in it) is one for `image`, which is `None` where the transport has
/// no such names. What cannot be read never matches.
pub(super) fn matches(identity: &Identity, image: Option<&Reference>, signed: &str) -> bool {
    let Ok(signed) = Reference::parse(signed) else { return false };
    match identity {
        Identity::MatchExact => image.is_some_and(|image| same(image, &signed)),
        Identity::MatchRepoDigestOrExact => image.is_some_and(|image| same_or_by_digest(image, &signed)),
        Identity::MatchRepository => image.is_some_and(|image| image.name() == signed.name()),
        Identity::ExactReference(given) => Reference::parse(given).is_ok_and(|given| same(&given, &signed)),
        Identity::ExactRepository(given) => Reference::parse(given).is_ok_and(|given| {
            given.tag().is_none() && given.digest().is_none() && given.name() == signed.name()
        }),
        Identity::Remap { prefix, signed_prefix } => image
            .and_then(|image| remapped(image, prefix, signed_prefix))
            .is_some_and(|image| same_or_by_digest(&image, &signed)),
    }
}

fn is_bare(reference: &Reference) -> bool {
    reference.tag().is_none() && reference.digest().is_none()
}

fn same(image: &Reference, signed: &Reference) -> bool {
    !is_bare(image) && image == signed
}

/// By a tag exactly; by a digest alone the repository, because the digest itself is compared with what is signed.
fn same_or_by_digest(image: &Reference, signed: &Reference) -> bool {
    if is_bare(signed) {
        return false;
    }
    match (image.tag(), image.digest()) {
        (Some(_), _) => image == signed,
        (None, Some(_)) => image.name() == signed.name(),
        (None, None) => false,
    }
}

/// The image with `signed_prefix` in place of `prefix`; itself where it does not begin so.
fn remapped(image: &Reference, prefix: &str, signed_prefix: &str) -> Option<Reference> {
    let name = image.name();
    match name.strip_prefix(prefix) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let suffix = image.to_string();
            let suffix = suffix.strip_prefix(&name)?.to_owned();
            Reference::parse(&format!("{signed_prefix}{rest}{suffix}")).ok()
        }
        _ => Some(image.clone()),
    }
}

#[cfg(test)]
mod tests {
    use cove_archive::Digest;

    use super::*;

    fn check(identity: &Identity, image: &str, signed: &str) -> bool {
        matches(identity, Some(&Reference::parse(image).unwrap()), signed)
    }

    #[test]
    fn names_match_as_the_policy_says() {
        let by_digest = format!("r.io/x@{}", Digest::sha256(b"x"));
        let both = format!("r.io/x:1@{}", Digest::sha256(b"x"));
        let exact_reference = Identity::ExactReference("r.io/x:1".into());
        let exact_repository = Identity::ExactRepository("r.io/x".into());
        let remap = Identity::Remap { prefix: "m.io/hub".into(), signed_prefix: "r.io".into() };
        for (identity, image, signed, expected) in [
            (&Identity::MatchExact, "r.io/x:1", "r.io/x:1", true),
            (&Identity::MatchExact, "r.io/x:1", "r.io/x:2", false),
            (&Identity::MatchExact, "busybox:1", "docker.io/library/busybox:1", true),
            (&Identity::MatchExact, &by_digest, "r.io/x:1", false),
            (&Identity::MatchExact, &by_digest, &by_digest, true),
            (&Identity::MatchExact, "r.io/x", "r.io/x", false),
            (&Identity::MatchRepoDigestOrExact, "r.io/x:1", "r.io/x:1", true),
            (&Identity::MatchRepoDigestOrExact, "r.io/x:1", "r.io/x:2", false),
            (&Identity::MatchRepoDigestOrExact, &by_digest, "r.io/x:1", true),
            (&Identity::MatchRepoDigestOrExact, &by_digest, "r.io/x", false),
            (&Identity::MatchRepoDigestOrExact, &by_digest, "r.io/y:1", false),
            (&Identity::MatchRepoDigestOrExact, &both, "r.io/x:1", false),
            (&Identity::MatchRepository, "r.io/x:1", "r.io/x:2", true),
            (&Identity::MatchRepository, "r.io/x:1", "r.io/x", true),
            (&Identity::MatchRepository, "r.io/x:1", "r.io/xy", false),
            (&exact_reference, "other.io/y:9", "r.io/x:1", true),
            (&exact_reference, "r.io/x:1", "r.io/x:2", false),
            (&exact_repository, "other.io/y:9", "r.io/x:7", true),
            (&exact_repository, "r.io/x:1", "r.io/y:1", false),
            (&remap, "m.io/hub/x:1", "r.io/x:1", true),
            (&remap, "m.io/hubble/x:1", "r.io/x:1", false),
            (&remap, "m.io/hubble/x:1", "m.io/hubble/x:1", true),
            (&Identity::MatchRepository, "r.io/x:1", "R.io/ü", false),
        ] {
            assert_eq!(check(identity, image, signed), expected, "{identity:?} {image} {signed}");
        }
        assert!(!matches(&Identity::MatchRepository, None, "r.io/x:1"));
        assert!(matches(&exact_reference, None, "r.io/x:1"));
        assert!(!matches(&Identity::ExactRepository("r.io/x:1".into()), None, "r.io/x:1"));
    }
}
