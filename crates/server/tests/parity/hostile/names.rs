//! Names of objects in paths.

use cove_test_support::{docker_routes, documented_routes};

use super::{Case, HOSTILE, Right, judge};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_every_route() {
    let long = "x".repeat(50_000);
    let mut cases = Vec::new();
    for route in
        documented_routes().into_iter().chain(docker_routes()).filter(|route| route.names_an_object())
    {
        for name in [
            HOSTILE,
            "%0D%0AX-Forged:%20yes%0D%0A%0D%0A",
            "%00",
            "%FF%FE",
            "..",
            ".",
            "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
            "a%2F..%2F..%2Fb",
            "%",
            "%zz",
            "%2",
            "%25%31%42",
            "-rf",
            "%20",
            "{name}",
            "*",
            "%F0%9F%90%9A",
            &long,
        ] {
            for prefix in ["", "/v1.44"] {
                // Half of them are enough of the other.
                if prefix.is_empty() != name.starts_with('%') {
                    let target = format!("{prefix}{}", route.path_of(name));
                    cases.push(Case::request(&route.method, &target, b"{}", Right::Answered));
                }
            }
        }
        cases.push(Case::request(
            "PATCH",
            &route.path_of(HOSTILE),
            b"",
            Right::Refused(&[404, 405], "no route".into()),
        ));
    }
    judge(cases, 800).await;
}
