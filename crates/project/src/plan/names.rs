//! The names of containers.

use cove_compose::model::{Project, Service};

/// The name of a service's container.
#[must_use]
pub fn container_name(project: &Project, service: &Service, number: u32) -> String {
    if service.container_name.is_empty() {
        format!("{}-{}-{number}", project.name, service.name)
    } else {
        service.container_name.clone()
    }
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
