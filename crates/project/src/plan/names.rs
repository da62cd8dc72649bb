//! The names of containers.

use cove_compose::model::{Project, Service};

/// Characters of a shortened id.
const SHORT: usize = 12;

/// The name of a service's container.
#[must_use]
pub fn container_name(project: &Project, service: &Service, number: u32) -> String {
    if service.container_name.is_empty() {
        format!("{}-{}-{number}", project.name, service.name)
    } else {
        service.container_name.clone()
    }
}

/// The name of a container that takes the place of another, until that is gone.
#[must_use]
pub fn temporary_name(replaced: &str, name: &str) -> String {
    format!("{}_{name}", replaced.get(..SHORT).unwrap_or(replaced))
}

/// The name that a container is to have whose name is a temporary one.
#[must_use]
pub fn final_name(temporary: &str) -> Option<&str> {
    let (id, name) = temporary.split_once('_')?;
    (id.len() == SHORT && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && !name.is_empty()).then_some(name)
}

/// The names by which the project's containers reach one of a service: its own, the service's, and those under which
/// others link to it.
#[must_use]
pub fn aliases(project: &Project, service: &Service, name: &str) -> Vec<String> {
    let mut aliases = vec![name.to_owned(), service.name.clone()];
    for link in project.services.values().flat_map(|other| &other.links) {
        let (target, alias) = link.split_once(':').unwrap_or((link, link));
        if target == service.name && !aliases.iter().any(|known| known == alias) {
            aliases.push(alias.to_owned());
        }
    }
    aliases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_name_tells_the_final_one() {
        let name = temporary_name("0123456789abcdef", "shop-web_1-1");
        assert_eq!((name.as_str(), final_name(&name)), ("0123456789ab_shop-web_1-1", Some("shop-web_1-1")));
        for own in ["shop-web-1", "shop_web_1", "0123456789ab", "0123456789ab_", "0123456789xy_a"] {
            assert_eq!(final_name(own), None, "{own}");
        }
    }

    #[test]
    fn links_are_names_of_who_is_linked() {
        let service = |name: &str, links: &[&str]| Service {
            name: name.into(),
            links: links.iter().map(|link| (*link).to_owned()).collect(),
            ..Service::default()
        };
        let services =
            [service("db", &[]), service("web", &["db:database", "db"]), service("other", &["web:db2"])];
        let services = services.map(|service| (service.name.clone(), service)).into();
        let project = Project { name: "shop".into(), services, ..Project::default() };
        let db = &project.services["db"];
        assert_eq!(container_name(&project, db, 2), "shop-db-2");
        assert_eq!(aliases(&project, db, "shop-db-2"), ["shop-db-2", "db", "database"]);
        let named = Service { container_name: "mine".into(), ..db.clone() };
        assert_eq!(container_name(&project, &named, 1), "mine");
    }
}
