//! User namespaces: the keys of today and those that came before them.

use super::Conversion;
use crate::command_line::CommandLine;
use crate::error::Result;
use crate::ids;

impl Conversion<'_> {
    /// The options of the user namespace. `maps_by_hand` where the command takes single mappings.
    pub(super) fn add_mappings(&mut self, command: &mut CommandLine, maps_by_hand: bool) -> Result<()> {
        let uids = self.list("UIDMap");
        let gids = self.list("GIDMap");
        let keys = ["UserNS", "SubUIDMap", "SubGIDMap"];
        if uids.is_empty() && gids.is_empty() && keys.iter().all(|key| self.text(key).is_none()) {
            return self.add_remapping(command, maps_by_hand);
        }
        for key in ["RemapUid", "RemapGid", "RemapUsers"] {
            if self.has(key) {
                return Err(self.fault(key, "deprecated Remap keys are set along with explicit mapping keys"));
            }
        }
        self.texts(command, &[("UserNS", "--userns")]);
        for map in uids {
            command.option("--uidmap", map);
        }
        for map in gids {
            command.option("--gidmap", map);
        }
        self.texts(command, &[("SubUIDMap", "--subuidname"), ("SubGIDMap", "--subgidname")]);
        Ok(())
    }

    fn add_remapping(&mut self, command: &mut CommandLine, maps_by_hand: bool) -> Result<()> {
        let uids = self.list("RemapUid");
        let gids = self.list("RemapGid");
        let mode = self.text("RemapUsers").unwrap_or_default().to_owned();
        let mut options = Vec::new();
        match mode.as_str() {
            "" if !uids.is_empty() => return Err(self.fault("RemapUid", "UidMap set without RemapUsers")),
            "" if !gids.is_empty() => return Err(self.fault("RemapGid", "GidMap set without RemapUsers")),
            "" => return Ok(()),
            "manual" if !maps_by_hand => {
                return Err(self.fault("RemapUsers", "RemapUsers=manual is not supported"));
            }
            "manual" => {
                for map in uids {
                    command.option("--uidmap", map);
                }
                for map in gids {
                    command.option("--gidmap", map);
                }
                return Ok(());
            }
            "auto" => {
                options.extend(uids.iter().map(|map| format!("uidmapping={map}")));
                options.extend(gids.iter().map(|map| format!("gidmapping={map}")));
                if let Some(size) = self.text("RemapUidSize") {
                    let size = ids::number(size)
                        .ok_or_else(|| self.fault("RemapUidSize", format!("{size} is no size")))?;
                    options.extend((size > 0).then(|| format!("size={size}")));
                }
            }
            "keep-id" => {
                for (key, name, ids) in [("RemapUid", "uid", &uids), ("RemapGid", "gid", &gids)] {
                    if ids.len() > 1 {
                        let message = format!(
                            "RemapUsers=keep-id supports only a single value for {} mapping",
                            name.to_uppercase()
                        );
                        return Err(self.fault(key, message));
                    }
                    options.extend(ids.iter().map(|id| format!("{name}={id}")));
                }
            }
            other => {
                return Err(self.fault("RemapUsers", format!("unsupported RemapUsers option '{other}'")));
            }
        }
        let colon = if options.is_empty() { "" } else { ":" };
        command.option("--userns", format!("{mode}{colon}{}", options.join(",")));
        Ok(())
    }
}
