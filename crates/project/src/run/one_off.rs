//! `run`: a container of a service for one command, beside those of the service.

use cove_api::{Engine, Result};
use cove_compose::model::{Project, Service};

use super::check::check;
use super::make::{image_of, make};
use super::progress::Sink;
use super::up::{UpOptions, up};
use super::wait::Needed;
use crate::found::{Found, FoundContainer};
use crate::label;
use crate::plan::{self, Instance};

/// What is wanted of `run`.
#[derive(Debug, Clone, Default)]
pub struct OneOff {
    /// The container's name.
    pub name: String,
    /// What makes it the only one of its kind, for its label.
    pub slug: String,
    /// It has the service's names on the networks, too.
    pub use_aliases: bool,
    /// It is removed when it ends.
    pub remove: bool,
    /// How what the service depends on is brought up.
    pub up: UpOptions,
}

/// Brings up what a service of the project depends on, waits for it, and makes the container; answers its id. Images are
/// there already.
///
/// # Errors
/// Something is refused or fails; what was made stays.
pub async fn one_off(
    engine: &dyn Engine,
    project: &Project,
    name: &str,
    options: &OneOff,
    sink: Sink<'_>,
) -> Result<String> {
    let mut project = project.clone();
    let Some(service) = project.services.get_mut(name) else {
        return Err(cove_api::Error::not_found(format!("no such service: {name}")));
    };
    single(service, &options.name);
    let service = service.clone();
    check(engine, &project, &options.up.scale).await?;
    let mut others = project.clone();
    others.services.remove(name);
    others.disabled_services.insert(name.to_owned(), service.clone());
    up(engine, &others, &options.up, sink).await?;
    let found = Found::of(engine, &project.name).await?;
    for (other, dependency) in &service.depends_on {
        let containers: Vec<String> =
            found.of_service(other).into_iter().map(|one| one.name.clone()).collect();
        let wanted = others.services.get(other).map_or(Ok(0), |other| plan::wanted(other, None))?;
        let needed = Needed { service: name, other, dependency, containers: &containers, wanted };
        needed.awaited(engine, sink).await?;
    }
    let first = |other: &str| found.of_service(other).first().map(|one: &&FoundContainer| one.row.id.clone());
    let service = crate::plan::references(&service, first)?;
    let image = image_of(engine, &project, &service).await?;
    let mut labels = plan::container_labels(&project, &service, 1, &image.id, &options.up.env_files);
    labels.remove(label::NUMBER);
    labels.insert(label::ONE_OFF.to_owned(), "True".to_owned());
    labels.insert(label::SLUG.to_owned(), options.slug.clone());
    let (service, aliases) = known_as(service, options);
    let instance = Instance { name: &options.name, aliases, labels, inherited: &[] };
    make(engine, &project, &service, &instance, |spec| spec.remove = options.remove.then_some(true), sink)
        .await
}

/// One container with this name, which is not started again.
fn single(service: &mut Service, name: &str) {
    name.clone_into(&mut service.container_name);
    service.scale = Some(1);
    service.restart.clear();
    if let Some(deploy) = &mut service.deploy {
        deploy.restart_policy = None;
        deploy.replicas = None;
    }
}

/// Its names on the networks: others that ask for the service do not mean it.
fn known_as(mut service: Service, options: &OneOff) -> (Service, Vec<String>) {
    let mut aliases = vec![options.name.clone()];
    if options.use_aliases {
        aliases.push(service.name.clone());
    } else {
        for network in service.networks.values_mut().flatten() {
            network.aliases.clear();
        }
    }
    (service, aliases)
}

#[cfg(test)]
mod tests {
    use cove_compose::model::{Deploy, RestartPolicy, ServiceNetwork};

    use super::*;

    #[test]
    fn it_is_one_that_nobody_takes_for_the_service() {
        let network = ServiceNetwork { aliases: vec!["database".into()], ..ServiceNetwork::default() };
        let deploy =
            Deploy { replicas: Some(3), restart_policy: Some(RestartPolicy::default()), ..Deploy::default() };
        let mut service = Service {
            name: "db".into(),
            restart: "always".into(),
            deploy: Some(deploy),
            networks: [("back".to_owned(), Some(network))].into(),
            ..Service::default()
        };
        single(&mut service, "shop-db-run-1");
        assert_eq!((service.restart.as_str(), plan::wanted(&service, None).unwrap()), ("", 1));
        assert!(service.deploy.as_ref().unwrap().restart_policy.is_none());
        let aliases = |use_aliases| {
            let options = OneOff { name: "shop-db-run-1".into(), use_aliases, ..OneOff::default() };
            let (service, aliases) = known_as(service.clone(), &options);
            (aliases, service.networks["back"].as_ref().unwrap().aliases.clone())
        };
        assert_eq!(aliases(false), (vec!["shop-db-run-1".to_owned()], Vec::new()));
        assert_eq!(
            aliases(true),
            (vec!["shop-db-run-1".to_owned(), "db".to_owned()], vec!["database".to_owned()])
        );
    }
}
