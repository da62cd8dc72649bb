//! Entries in `/etc/passwd` and `/etc/group` for users whom the image does not know.

use cove_api::{Error, Result};
use cove_runtime::user::{Account, ResolvedUser};

use super::files::Written;
use super::rootfs::RootDir;

/// A user without an entry in passwd gets one, in a copy of the file, and so do the host's users that were asked for;
/// files that the user mounts are left alone, also as a whole /etc. The answer is the home of a user who got an entry.
pub(super) fn add(files: &mut Written<'_>, root: &RootDir, user: &ResolvedUser) -> Result<Option<String>> {
    let (passwd, group) = (root.read_text("/etc/passwd")?, root.read_text("/etc/group")?);
    let mut users = host_users(files, &passwd)?;
    users.push_str(&own_user(files, user, &users));
    let groups = own_group(files, user, &group);
    let has_entry =
        passwd.is_some() && !files.plan.is_mounted("/etc") && !files.plan.is_mounted("/etc/passwd");
    let home = home_in(&users, user).filter(|_| has_entry && user.name.is_none());
    for (name, destination, before, more) in
        [("passwd", "/etc/passwd", passwd, users), ("group", "/etc/group", group, groups)]
    {
        // An image without the file stays without it: programs see the same as elsewhere.
        let Some(mut text) = before.filter(|_| !more.is_empty() && !files.plan.is_mounted("/etc")) else {
            continue;
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&more);
        files.add(name, destination, &text)?;
    }
    Ok(home)
}

/// The home of a user in lines of passwd.
fn home_in(lines: &str, user: &ResolvedUser) -> Option<String> {
    let id = user.uid.to_string();
    let line = lines.lines().find(|line| line.split(':').nth(2) == Some(&id))?;
    line.split(':').nth(5).filter(|home| home.starts_with('/')).map(ToOwned::to_owned)
}

/// Whether a line has `value` in its field `place`.
fn has(text: Option<&str>, place: usize, value: &str) -> bool {
    text.is_some_and(|text| text.lines().any(|line| line.split(':').nth(place) == Some(value)))
}

/// Lines for the users of the host that the request names and the image does not know.
fn host_users(files: &Written<'_>, passwd: &Option<String>) -> Result<String> {
    let config = files.plan.config;
    let mut lines = String::new();
    for wanted in &config.files.host_users {
        let account = Account::of_host(wanted)?.ok_or_else(|| {
            Error::not_found(format!("unable to find user {wanted}: no such user on the host"))
        })?;
        let id = account.uid.to_string();
        if has(passwd.as_deref(), 0, &account.name) || has(passwd.as_deref(), 2, &id) {
            continue;
        }
        // Its home is there only where it, or what holds it, is mounted.
        let is_there = account.home.starts_with('/')
            && std::path::Path::new(&account.home)
                .ancestors()
                .filter_map(std::path::Path::to_str)
                .any(|path| path != "/" && files.plan.is_mounted(path));
        let home = if is_there { account.home.as_str() } else { config.work_dir.as_str() };
        lines.push_str(&passwd_line(files, &account.name, (account.uid, account.gid), &account.gecos, home));
    }
    Ok(lines)
}

/// The line for the container's own user.
fn own_user(files: &Written<'_>, user: &ResolvedUser, before: &str) -> String {
    let config = files.plan.config;
    let id = user.uid.to_string();
    let is_known = user.name.is_some() || has(Some(before), 2, &id);
    if is_known || (user.uid == 0 && config.files.passwd_entry.is_empty()) {
        return String::new();
    }
    passwd_line(files, &id, (user.uid, user.gid), "container user", &config.work_dir)
}

fn passwd_line(files: &Written<'_>, name: &str, ids: (u32, u32), gecos: &str, home: &str) -> String {
    let (uid, gid) = (ids.0.to_string(), ids.1.to_string());
    // A name may not add fields or lines.
    let plain = |text: &str| text.replace(|c: char| c == ':' || c.is_control(), "_");
    let form = match files.plan.config.files.passwd_entry.trim_end() {
        "" => "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh",
        entry => entry,
    };
    let values = [
        ("$USERNAME", plain(name)),
        ("$UID", uid),
        ("$GID", gid),
        ("$NAME", plain(gecos)),
        ("$HOME", plain(home)),
    ];
    format!("{}\n", filled(form, &values))
}

/// The line for the container's own group.
fn own_group(files: &Written<'_>, user: &ResolvedUser, group: &Option<String>) -> String {
    let config = files.plan.config;
    let gid = user.gid.to_string();
    // As podman: of a user by number, for a group by number.
    let asked = config.user.split_once(':').map_or("0", |(_, group)| group);
    let entry = config.files.group_entry.trim_end();
    let is_computed = user.gid != 0 && user.name.is_none();
    let is_wanted = !entry.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit());
    if has(group.as_deref(), 2, &gid) || !(is_computed || is_wanted) {
        return String::new();
    }
    if entry.is_empty() {
        return format!("{0}:x:{0}:{1}\n", user.gid, user.uid);
    }
    let values = [("$GROUPNAME", gid.clone()), ("$GID", gid), ("$USERLIST", String::new())];
    format!("{}\n", filled(entry, &values))
}

/// The text with values in the places of names, each place once.
fn filled(form: &str, values: &[(&str, String)]) -> String {
    let mut result = String::new();
    let mut rest = form;
    while let Some(place) = rest.find('$') {
        result.push_str(&rest[..place]);
        rest = &rest[place..];
        match values.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) => {
                result.push_str(value);
                rest = &rest[name.len()..];
            }
            None => {
                result.push('$');
                rest = &rest[1..];
            }
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_places_of_names() {
        let values =
            [("$USERNAME", "ann".to_owned()), ("$UID", "7".to_owned()), ("$NAME", "$UID".to_owned())];
        for (form, expected) in [
            ("$USERNAME:*:$UID:$NAME", "ann:*:7:$UID"),
            ("cost$ $OTHER$UID$", "cost$ $OTHER7$"),
            ("plain", "plain"),
        ] {
            assert_eq!(filled(form, &values), expected, "{form}");
        }
    }
}
