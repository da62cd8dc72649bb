//! The table of routes in the documents is true.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::service::Bed;

/// Method, path, and whether the table says that it is answered.
fn table() -> Vec<(String, String, bool)> {
    let text = include_str!("../../../../docs/api/routes.md");
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, method, path, answered, ..] = cells[..] else { return None };
        let path = path.strip_prefix('`')?.strip_suffix('`')?;
        Some((method.to_owned(), path.to_owned(), answered == "yes"))
    });
    rows.collect()
}

/// Whether a service has the route; the answer of one that it has may never end.
async fn is_answered(bed: &Bed, method: &str, path: &str) -> bool {
    let mut stream = bed.connect().await;
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    match &head[9..] {
        b"405" | b"503" => false,
        b"404" if method == "HEAD" => false,
        b"404" => {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            !String::from_utf8_lossy(&rest).contains("there is no route")
        }
        _ => true,
    }
}

#[tokio::test]
async fn the_table_of_routes_is_true() {
    let table = table();
    assert!(table.len() > 200, "{}", table.len());
    let bed = Bed::new().await;
    let mut wrong = Vec::new();
    for (method, path, answered) in &table {
        let mut asked = path.clone();
        while let (Some(start), Some(end)) = (asked.find('{'), asked.find('}')) {
            asked.replace_range(start..=end, "one");
        }
        if is_answered(&bed, method, &asked).await != *answered {
            wrong.push(format!("{method} {path}"));
        }
    }
    assert!(wrong.is_empty(), "docs/api/routes.md says otherwise: {wrong:#?}");
}

/// Every route that is declared stands in the table.
#[test]
fn no_route_is_missing() {
    let table = table();
    for route in cove_api::endpoint::routes() {
        let (method, path) =
            (format!("{:?}", route.verb).to_uppercase(), format!("{}{}", route.family.prefix(), route.path));
        let known =
            table.iter().any(|(verb, known, answered)| *verb == method && *known == path && *answered);
        assert!(known, "{method} {path} is missing in docs/api/routes.md");
    }
}
