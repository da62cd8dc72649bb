//! Heads of requests, and what follows them on the connection.

use super::{Case, Right, judge};

const HOST: &str = "Host: d\r\nConnection: close\r\n";
const CHUNKED: &str = "POST /libpod/volumes/create HTTP/1.1\r\nHost: d\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";

fn case(what: &str, bytes: impl Into<Vec<u8>>, right: Right) -> Case {
    Case { what: what.to_owned(), bytes: bytes.into(), right }
}

/// A head with this request line.
fn line(line: &str, right: Right) -> Case {
    case(&format!("request line {line:?}"), format!("{line}\r\n{HOST}\r\n"), right)
}

/// A head with this header line.
fn header(line: &[u8], right: Right) -> Case {
    let shown = String::from_utf8_lossy(&line[..line.len().min(100)]).into_owned();
    let bytes = [b"GET /_ping HTTP/1.1\r\n", HOST.as_bytes(), line, b"\r\n\r\n"].concat();
    case(&format!("header {shown:?}"), bytes, right)
}

/// A body of chunks.
fn chunks(body: &str, right: Right) -> Case {
    case(&format!("chunks {:?}", &body[..body.len().min(100)]), format!("{CHUNKED}{body}"), right)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_lines() {
    let refused = |named: &str| Right::refused(named);
    let missing = || Right::Refused(&[404, 405], "there is no route".to_owned());
    let version = || Right::Refused(&[505], "version".to_owned());
    let too_long = || Right::Refused(&[414], "longer than".to_owned());
    let long = "x".repeat(200_000);
    let mut cases = vec![
        line("", Right::Ended),
        line("GET", refused("request line")),
        line("GET /_ping", refused("request line")),
        line("GET  /_ping HTTP/1.1", refused("request line")),
        line("GET /_ping  HTTP/1.1", refused("request line")),
        line("GET\t/_ping\tHTTP/1.1", refused("request line")),
        line(" GET /_ping HTTP/1.1", refused("request line")),
        line("GET /_ping HTTP/1.1 ", refused("request line")),
        line("GET /a b HTTP/1.1", refused("request line")),
        line("/_ping HTTP/1.1", refused("request line")),
        line("GET /_ping HTTP/1.2", version()),
        line("GET /_ping HTTP/2.0", version()),
        line("GET /_ping HTTP/3", version()),
        line("GET /_ping HTTP/0.9", version()),
        line("GET /_ping http/1.1", version()),
        line("GET /_ping FTP/1.1", version()),
        line("GET /_ping HTTP/1.1x", version()),
        line("GET /_ping HTTP/11", version()),
        line("GET /_ping \u{1b}[2J", version()),
        line("get /_ping HTTP/1.1", missing()),
        line("GE\u{1b}T /_ping HTTP/1.1", refused("method")),
        line("GE\"T /_ping HTTP/1.1", refused("method")),
        line("GE(T /_ping HTTP/1.1", refused("method")),
        line("GÄT /_ping HTTP/1.1", refused("method")),
        line(&format!("{} /_ping HTTP/1.1", &long[..20_000]), missing()),
        line("ZORK /_ping HTTP/1.1", missing()),
        line("TRACE /_ping HTTP/1.1", missing()),
        line("PATCH /containers/x/json HTTP/1.1", missing()),
        line("OPTIONS * HTTP/1.1", Right::Refused(&[404, 405], "there is no route".to_owned())),
        line("CONNECT d:80 HTTP/1.1", Right::Answered),
        line("GET * HTTP/1.1", Right::Answered),
        line("GET _ping HTTP/1.1", Right::Answered),
        line("GET d:80 HTTP/1.1", Right::Answered),
        line("GET ? HTTP/1.1", refused("URI")),
        line("GET # HTTP/1.1", refused("URI")),
        line("GET http://d/_ping HTTP/1.1", Right::Answered),
        line("GET http://d HTTP/1.1", Right::Answered),
        line("GET http:// HTTP/1.1", refused("URI")),
        line("GET http://[::1 HTTP/1.1", refused("URI")),
        line("GET http://a@b@c/_ping HTTP/1.1", Right::Answered),
        line("GET ftp://d/_ping HTTP/1.1", Right::Answered),
        line("GET // HTTP/1.1", missing()),
        line("GET //_ping HTTP/1.1", missing()),
        line("GET /./_ping HTTP/1.1", missing()),
        line("GET /../../../etc/passwd HTTP/1.1", missing()),
        line("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1", missing()),
        line("GET /..%2f..%2fetc%2fpasswd HTTP/1.1", missing()),
        line("GET /_ping%00 HTTP/1.1", missing()),
        line("GET /_ping%0a HTTP/1.1", missing()),
        line("GET /no%1B[2J%0Asuch HTTP/1.1", missing()),
        line("GET /_ping\u{1b} HTTP/1.1", refused("control character")),
        line("GET /_ping\0 HTTP/1.1", refused("control character")),
        line("GET /_ping\u{7f} HTTP/1.1", refused("control character")),
        line("GET /_ping\rX: y HTTP/1.1", refused("control character")),
        line("GET /_ping# HTTP/1.1", Right::Answered),
        line("GET /\u{202e}gnip_ HTTP/1.1", missing()),
        line("GET /v/_ping HTTP/1.1", missing()),
        line("GET /v1/v1/_ping HTTP/1.1", missing()),
        line("GET /v1.44 HTTP/1.1", missing()),
        line("GET /v1.44/ HTTP/1.1", missing()),
        line("GET /v99999999999999999999.1/_ping HTTP/1.1", Right::Answered),
        line("GET /v1.......1/_ping HTTP/1.1", Right::Answered),
        line("GET /_ping/ HTTP/1.1", missing()),
        line("GET /containers//json HTTP/1.1", Right::Answered),
        line("GET /containers/json/ HTTP/1.1", missing()),
        line("GET /libpod HTTP/1.1", missing()),
        line("GET /libpod/libpod/_ping HTTP/1.1", missing()),
        line(&format!("GET /{long} HTTP/1.1"), too_long()),
        line(&format!("GET {} HTTP/1.1", "/a".repeat(50_000)), too_long()),
        line(&format!("GET /_ping?{long} HTTP/1.1"), too_long()),
        line(&format!("GET /_ping?{} HTTP/1.1", "a&".repeat(20_000)), Right::Answered),
        line(&format!("GET /{} HTTP/1.1", "%20".repeat(10_000)), missing()),
        line(&format!("GET /{} HTTP/1.1", "ä".repeat(20_000)), too_long()),
    ];
    cases.push(case("nothing", "", Right::Ended));
    cases.push(case("empty lines", "\r\n\r\n\r\n", Right::Ended));
    cases.push(case("half a head", "GET /_ping HTTP/1.1\r\nHost: d\r\n", Right::Ended));
    cases.push(case("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), Right::Ended));
    cases.push(case("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", version()));
    cases.push(case("an answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Right::Ended));
    cases.push(case("zeros", vec![0; 10_000], Right::Ended));
    cases.push(case("zeros without end", vec![0; 1 << 20], Right::Ended));
    cases.push(case("all bytes", (0..=255).chain(*b"\r\n\r\n").collect::<Vec<u8>>(), Right::Ended));
    cases.push(case("no end of line", vec![b'x'; 300 << 10], Right::Ended));
    judge(cases, 70).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers() {
    let refused = |named: &str| Right::refused(named);
    let many = |count: usize| {
        let lines: String = (0..count).map(|number| format!("X-{number}: y\r\n")).collect();
        lines.trim_end().as_bytes().to_vec()
    };
    let cases = vec![
        header(b"X-Fine: y", Right::Answered),
        header(b"X-Empty:", Right::Answered),
        header(b"no colon", refused("colon")),
        header(b": value", refused("no name")),
        header(b"X : y", refused("white space")),
        header(b" X: y", refused("white space")),
        header(b"\tX: y", refused("white space")),
        header(b"X\x1b: y", refused("header")),
        header(b"X\0: y", refused("header")),
        header(b"X\xff: y", refused("header")),
        header(b"X(y): z", refused("header")),
        header("\u{202e}: y".as_bytes(), refused("header")),
        header(b"X: a\0b", refused("header")),
        header(b"X: a\x1b]0;title\x07b", refused("header")),
        header(b"X: a\x7fb", refused("header")),
        header(b"X: a\rb", refused("header")),
        header(b"X: \xff\xfe", Right::Answered),
        header("X: ä".as_bytes(), Right::Answered),
        header(b"X: a\r\n folded", refused("colon")),
        header(b"X: a\r\n folded: b", refused("white space")),
        header(&[b"X: ".to_vec(), vec![b'y'; 100_000]].concat(), Right::Answered),
        header(&[vec![b'X'; 100_000], b": y".to_vec()].concat(), Right::Refused(&[431], "header".to_owned())),
        header(&[b"X: ".to_vec(), vec![b'y'; 300 << 10]].concat(), Right::Ended),
        header(&many(80), Right::Answered),
        header(&many(1000), Right::Refused(&[431], "headers".to_owned())),
        header(&many(20_000), Right::Refused(&[431], "head".to_owned())),
        header(b"Host: d", refused("Host")),
        header(b"hOST: e", refused("Host")),
        header(b"Content-Length: 0\r\nContent-Length: 0", Right::Answered),
        header(b"Content-Length: 0, 0", refused("Content-Length")),
        header(b"Content-Length: -1", refused("Content-Length")),
        header(b"Content-Length: +1", refused("Content-Length")),
        header(b"Content-Length: 0x1", refused("Content-Length")),
        header(b"Content-Length: 1e1", refused("Content-Length")),
        header(b"Content-Length: 1 1", refused("Content-Length")),
        header(b"Content-Length:", refused("Content-Length")),
        header(b"Content-Length: \x1b", refused("")),
        header(b"Content-Length: 18446744073709551616", refused("Content-Length")),
        header(b"Content-Length: 18446744073709551615", refused("Content-Length")),
        header(b"Content-Length: 9223372036854775807", Right::Ended),
        header(b"Content-Length: 1000000000000", Right::Ended),
        header(b"Content-Length: 0\r\nContent-Length: 1", refused("differ")),
        header(b"Content-Length: 0\r\nTransfer-Encoding: chunked", refused("both")),
        header(b"Transfer-Encoding: identity", Right::Refused(&[501], "chunked".to_owned())),
        header(b"Transfer-Encoding: gzip, chunked", Right::Refused(&[501], "chunked".to_owned())),
        header(b"Transfer-Encoding: chunked, gzip", Right::Refused(&[501], "chunked".to_owned())),
        header(b"Transfer-Encoding: chunked, chunked", Right::Refused(&[501], "chunked".to_owned())),
        header(b"Transfer-Encoding: xchunked", Right::Refused(&[501], "chunked".to_owned())),
        header(b"Transfer-Encoding: \"chunked\"", Right::Refused(&[501], "chunked".to_owned())),
        header(b"Transfer-Encoding:", Right::Refused(&[501], "chunked".to_owned())),
        header(
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            Right::Refused(&[501], "chunked".to_owned()),
        ),
        header(b"Transfer_Encoding: chunked", Right::Answered),
        header(b"Expect: 100-continue", Right::Answered),
        header(b"Expect: the impossible", Right::Answered),
        header(b"Upgrade: websocket\r\nConnection: Upgrade", Right::Answered),
        header(b"Upgrade: tcp\r\nConnection: Upgrade", Right::Answered),
        header(b"Upgrade: \xff\r\nConnection: Upgrade", Right::Answered),
        header(b"Connection: \xff, keep-alive, close, , ,", Right::Answered),
        header(b"Origin: http://page.test", Right::Refused(&[403], "web pages".to_owned())),
        header(b"Origin: null", Right::Refused(&[403], "web pages".to_owned())),
        header(b"X-Registry-Auth: {", Right::Answered),
        header(b"X-Registry-Config: \xff", Right::Answered),
        header(b"Accept-Encoding: gzip;q=\x80", Right::Answered),
        header(b"Range: bytes=0-18446744073709551615", Right::Answered),
        case("no Host", "GET /_ping HTTP/1.1\r\nConnection: close\r\n\r\n", Right::Answered),
        case("no headers", "GET /_ping HTTP/1.0\r\n\r\n", Right::Answered),
        case(
            "ends of line of one byte",
            "GET /_ping HTTP/1.1\nHost: d\nConnection: close\n\n",
            Right::Answered,
        ),
        case("lone ends of line", "GET /_ping HTTP/1.1\rHost: d\r\r", Right::Ended),
    ];
    judge(cases, 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_on_the_wire() {
    let body = "Connection: close\r\nContent-Type: application/json\r\n";
    let upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    let mut cases = vec![
        chunks("2\r\n{}\r\n0\r\n\r\n", Right::Answered),
        chunks("2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n", Right::Answered),
        chunks("0\r\n\r\n", Right::Answered),
        chunks("000000000000002\r\n{}\r\n0\r\n\r\n", Right::Answered),
    ];
    let long = "x".repeat(100_000);
    for broken in [
        "",
        "2\r\n{}",
        "2\r\n{}\r\n",
        "x\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        " 2\r\n{}\r\n0\r\n\r\n",
        "2 x\r\n{}\r\n0\r\n\r\n",
        "\r\n\r\n",
        "1\r\n{}\r\n0\r\n\r\n",
        "3\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}x\r\n0\r\n\r\n",
        "ffffffffffffffff\r\n{}\r\n",
        "fffffffffffffffff\r\n{}\r\n",
        "7fffffffffffffff\r\n{}\r\n",
        "\u{1b}\r\n{}\r\n0\r\n\r\n",
    ] {
        cases.push(chunks(broken, Right::Ended));
    }
    cases.push(chunks(&format!("2;{long}\r\n{{}}\r\n0\r\n\r\n"), Right::Ended));
    cases.push(chunks(&format!("{}2\r\n{{}}\r\n0\r\n\r\n", "0".repeat(20_000)), Right::Ended));
    cases.push(chunks(
        &format!("2\r\n{{}}\r\n0\r\n{}\r\n", format!("X: {long}\r\n").repeat(20)),
        Right::Ended,
    ));
    cases.push(chunks(&"1\r\n \r\n".repeat(20_000), Right::Ended));
    for (length, sent) in [(3, "{}"), (1_000_000, "{"), (u64::MAX, "{}")] {
        cases.push(case(
            &format!("{length} bytes announced, {sent:?} sent"),
            format!("POST /libpod/volumes/create HTTP/1.1\r\nHost: d\r\n{body}Content-Length: {length}\r\n\r\n{sent}"),
            Right::Ended,
        ));
    }
    for path in [
        "/containers/broken/attach?stdout=1",
        "/exec/broken/start",
        "/libpod/exec/broken/start",
        "/libpod/containers/broken/attach",
    ] {
        for headers in [upgrade, "", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "Upgrade: tcp\r\n"] {
            for sent in ["", "{", "{}GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n", "[1]", "\u{0}"] {
                let length = format!("Content-Length: {}\r\n", sent.len().min(2));
                cases.push(case(
                    &format!("{path} {headers:?} {sent:?}"),
                    format!("POST {path} HTTP/1.1\r\nHost: d\r\n{headers}{length}\r\n{sent}"),
                    Right::Ended,
                ));
            }
        }
    }
    judge(cases, 100).await;
}
