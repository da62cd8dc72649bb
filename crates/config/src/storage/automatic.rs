//! What `--userns=auto` takes.

use super::invalid;
use super::keys::OptionsSection;
use crate::error::Result;

/// Ids of user namespaces that the engine chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomaticIds {
    /// Whose subordinate ids root's containers get.
    pub owner: String,
    /// Fewest ids of a namespace whose size the image decides.
    pub fewest: u32,
    /// Most ids of one.
    pub most: u32,
}

impl AutomaticIds {
    /// As storage.conf says, and else as podman has it.
    ///
    /// # Errors
    /// The fewest are more than the most.
    pub(super) fn of(options: &OptionsSection) -> Result<Self> {
        let usual = Self::default();
        let size = |given: Option<u32>, usual| given.filter(|size| *size > 0).unwrap_or(usual);
        let owner = options.root_auto_userns_user.clone().filter(|user| !user.is_empty());
        let found = Self {
            owner: owner.unwrap_or(usual.owner),
            fewest: size(options.auto_userns_min_size, usual.fewest),
            most: size(options.auto_userns_max_size, usual.most),
        };
        if found.fewest > found.most {
            let why = format!("it is more than auto-userns-max-size, which is {}", found.most);
            return Err(invalid("auto-userns-min-size", &found.fewest.to_string(), &why));
        }
        Ok(found)
    }
}

impl Default for AutomaticIds {
    fn default() -> Self {
        Self { owner: "containers".to_owned(), fewest: 1024, most: 65_536 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_owner_are_as_configured() {
        let of = |min, max, owner: &str| {
            let options = OptionsSection {
                auto_userns_min_size: min,
                auto_userns_max_size: max,
                root_auto_userns_user: Some(owner.to_owned()),
                ..OptionsSection::default()
            };
            AutomaticIds::of(&options)
        };
        assert_eq!(of(None, Some(0), "").unwrap(), AutomaticIds::default());
        let found = of(Some(10), Some(20), "ann").unwrap();
        assert_eq!((found.fewest, found.most, found.owner.as_str()), (10, 20, "ann"));
        let error = of(Some(30), Some(20), "").unwrap_err().to_string();
        assert!(error.contains("auto-userns-min-size"), "{error}");
    }
}
