//! Limits and restart policy of a container, changed in place.

use cove_api::{ContainerUpdate, CpuLimits, Error, RestartUpdate, Result};
use cove_spec::resource::{self, ResourceFlags};
use cove_spec::{policy, size};

use crate::LimitsForm;

/// Microseconds of the period that a lifted limit is told with.
const PERIOD: u64 = 100_000;

/// What a form asks for, checked; what it leaves out stays.
pub(crate) fn update(form: &LimitsForm) -> Result<ContainerUpdate> {
    let wanted = |text: &Option<String>| text.as_deref().map(str::trim).map(str::to_owned);
    let (memory, cpus) = (wanted(&form.memory), wanted(&form.cpus));
    if let Some(text) = &memory
        && (text.is_empty() || size::signed_bytes(text)? == 0)
    {
        return Err(Error::invalid("a memory limit cannot be lifted while the container is there: raise it"));
    }
    let processes = wanted(&form.processes).map(|text| processes(&text)).transpose()?;
    let flags =
        ResourceFlags { memory, cpus: cpus.clone(), pids_limit: processes, ..ResourceFlags::default() };
    let mut update = ContainerUpdate::of(resource::resources(&flags)?.unwrap_or_default());
    if cpus.is_some() && update.cpu.is_none() {
        // Without one, or 0.
        update.cpu = Some(CpuLimits { quota: Some(-1), period: Some(PERIOD), ..CpuLimits::default() });
    }
    if let Some(text) = wanted(&form.restart) {
        let restart = policy::restart(&text)?;
        update.restart = Some(RestartUpdate { policy: restart.policy, tries: restart.tries.unwrap_or(0) });
    }
    Ok(update)
}

/// The most processes; nothing is any number.
fn processes(text: &str) -> Result<i64> {
    match text {
        "" => Ok(-1),
        text => match text.parse() {
            Ok(number @ 1..) => Ok(number),
            _ => Err(Error::invalid(format!("{text:?} is no number of processes"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(
        memory: Option<&str>,
        cpus: Option<&str>,
        processes: Option<&str>,
        restart: Option<&str>,
    ) -> LimitsForm {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        LimitsForm {
            memory: owned(memory),
            cpus: owned(cpus),
            processes: owned(processes),
            restart: owned(restart),
        }
    }

    #[test]
    fn what_is_left_out_stays() {
        assert_eq!(update(&LimitsForm::default()).unwrap(), ContainerUpdate::default());
        let only = update(&form(None, Some("1.5"), None, None)).unwrap();
        assert_eq!(only.cpu.and_then(|cpu| cpu.quota), Some(150_000));
        assert_eq!((only.memory, only.pids, only.restart), (None, None, None));
    }

    #[test]
    fn limits_are_set_and_lifted() {
        let set = update(&form(Some("512m"), None, Some("100"), Some("on-failure:3"))).unwrap();
        assert_eq!(set.memory.and_then(|memory| memory.limit), Some(512 << 20));
        assert_eq!(set.pids.map(|pids| pids.limit), Some(100));
        assert_eq!(
            set.restart.map(|restart| (restart.policy, restart.tries)),
            Some(("on-failure".into(), 3))
        );
        for none in ["", "0"] {
            let lifted = update(&form(None, Some(none), Some(""), None)).unwrap();
            assert_eq!(lifted.cpu.and_then(|cpu| cpu.quota), Some(-1), "{none:?}");
            assert_eq!(lifted.pids.map(|pids| pids.limit), Some(-1));
        }
    }

    #[test]
    fn wrong_ones_are_refused() {
        for wrong in [
            form(Some(""), None, None, None),
            form(Some("0"), None, None, None),
            form(Some("much"), None, None, None),
            form(None, Some("-1"), None, None),
            form(None, None, Some("0"), None),
            form(None, None, Some("few"), None),
            form(None, None, None, Some("sometimes")),
        ] {
            assert_eq!(update(&wrong).unwrap_err().kind, cove_api::ErrorKind::InvalidArgument, "{wrong:?}");
        }
    }
}
