//! `--user`, `USER` and `--group-add` resolved with the passwd and group files of an image, which are not trusted.

use std::io::{BufRead, BufReader, Read};

use crate::error::{Error, Result};
use crate::view::View;

/// Longest line of a passwd or group file that is read.
const MAX_LINE: u64 = 64 << 10;

/// Most bytes of a file that are read.
const MAX_FILE: u64 = 16 << 20;

/// The largest id; the kernel reserves the last.
const MAX_ID: u32 = i32::MAX as u32;

/// Who a process runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedUser {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups, sorted, without duplicates and without `gid`'s own entry unless the image names it.
    pub additional_gids: Vec<u32>,
    /// Name in passwd, where there is one.
    pub name: Option<String>,
    /// Home directory; `/` where passwd has none.
    pub home: String,
}

/// A user of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Whole name and more.
    pub gecos: String,
    /// Home directory.
    pub home: String,
}

impl Account {
    /// The user of that number, or else of that name, in the host's `/etc/passwd`; [`None`] where there is none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_host(wanted: &str) -> Result<Option<Self>> {
        let file = cove_sys::fs::File::open("/etc/passwd").map_err(Error::file)?;
        let all: Vec<Passwd> = read_lines(Some(file))?.iter().filter_map(|line| parse_passwd(line)).collect();
        let number = wanted.parse::<u32>().ok();
        let found = all
            .iter()
            .find(|entry| Some(entry.uid) == number)
            .or_else(|| all.iter().find(|entry| entry.name == wanted));
        Ok(found.map(|entry| Self {
            name: entry.name.clone(),
            uid: entry.uid,
            gid: entry.gid,
            gecos: entry.gecos.clone(),
            home: entry.home.clone(),
        }))
    }
}

struct Passwd {
    name: String,
    uid: u32,
    gid: u32,
    gecos: String,
    home: String,
}

struct Group {
    name: String,
    gid: u32,
    members: Vec<String>,
}

/// Resolves `user` (`NAME|UID[:GROUP|GID]`, empty for root) and further groups with the files of the container.
///
/// # Errors
/// Unknown names, numbers out of range, or files that are no ordinary files.
pub fn resolve_user(files: &View<'_>, user: &str, groups: &[String]) -> Result<ResolvedUser> {
    resolve(user, groups, files.open_file("/etc/passwd")?, files.open_file("/etc/group")?)
}

fn resolve(
    user: &str,
    groups: &[String],
    passwd: Option<impl Read>,
    group: Option<impl Read>,
) -> Result<ResolvedUser> {
    let (user_part, group_part) = match user.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|g| !g.is_empty())),
        None => (user, None),
    };
    let wanted = if user_part.is_empty() { "0" } else { user_part };
    let number = parse_id("user", wanted)?;
    let entries = read_lines(passwd)?;
    let entry = entries.iter().filter_map(|l| parse_passwd(l)).find(|e| match number {
        Some(uid) => e.uid == uid,
        None => e.name == wanted,
    });
    let (uid, mut gid, name, home) = match (entry, number) {
        (Some(e), _) => (e.uid, e.gid, Some(e.name), e.home),
        (None, Some(uid)) => (uid, 0, None, String::new()),
        (None, None) => {
            return Err(Error::NotFound {
                what: format!("unable to find user {wanted}: no matching entries in passwd file"),
            });
        }
    };
    let lines = read_lines(group)?;
    let all: Vec<Group> = lines.iter().filter_map(|l| parse_group(l)).collect();
    let by_name = |wanted: &str| -> Result<u32> {
        if let Some(gid) = parse_id("group", wanted)? {
            return Ok(gid);
        }
        let found = all.iter().find(|g| g.name == wanted);
        found.map(|g| g.gid).ok_or_else(|| Error::NotFound {
            what: format!("unable to find group {wanted}: no matching entries in group file"),
        })
    };
    let mut additional = Vec::new();
    match (group_part, &name) {
        // A group by name or number takes the place of all that the image says.
        (Some(wanted), _) => gid = by_name(wanted)?,
        (None, Some(name)) => {
            additional.extend(all.iter().filter(|g| g.members.contains(name)).map(|g| g.gid));
        }
        (None, None) => {}
    }
    // Not a group but the wish to keep the caller's, which the OCI runtime fulfils.
    for wanted in groups.iter().filter(|g| *g != "keep-groups") {
        additional.push(by_name(wanted)?);
    }
    additional.sort_unstable();
    additional.dedup();
    let home = if home.is_empty() { "/".to_owned() } else { home };
    Ok(ResolvedUser { uid, gid, additional_gids: additional, name, home })
}

/// A number in range, `None` for a name. What consists of digits alone is never taken as a name.
fn parse_id(what: &str, text: &str) -> Result<Option<u32>> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse::<u32>() {
        Ok(id) if id <= MAX_ID && !text.starts_with('+') => Ok(Some(id)),
        _ => Err(Error::invalid(format!("{what} {text:?}"), format!("ids go from 0 to {MAX_ID}"))),
    }
}

fn parse_passwd(line: &str) -> Option<Passwd> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|n| !n.is_empty())?.to_owned();
    let _password = fields.next()?;
    let uid = fields.next()?.parse().ok().filter(|id| *id <= MAX_ID)?;
    let gid = fields.next()?.parse().ok().filter(|id| *id <= MAX_ID)?;
    let gecos = fields.next().unwrap_or_default().to_owned();
    let home = fields.next().unwrap_or_default().to_owned();
    Some(Passwd { name, uid, gid, gecos, home })
}

fn parse_group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|n| !n.is_empty())?.to_owned();
    let _password = fields.next()?;
    let gid = fields.next()?.parse().ok().filter(|id| *id <= MAX_ID)?;
    let members = fields.next().unwrap_or_default().split(',').map(str::to_owned).collect();
    Some(Group { name, gid, members })
}

/// The lines of a file within the limits; longer lines are left out.
fn read_lines(file: Option<impl Read>) -> Result<Vec<String>> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let mut reader = BufReader::new(file.take(MAX_FILE));
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        let length = (&mut reader)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(Error::io("users of the container"))?;
        if length == 0 {
            return Ok(lines);
        }
        if line.last() != Some(&b'\n') && length as u64 == MAX_LINE {
            skip_line(&mut reader)?;
            continue;
        }
        if let Ok(text) = String::from_utf8(line) {
            lines.push(text.trim_end().to_owned());
        }
    }
}

fn skip_line(reader: &mut impl BufRead) -> Result<()> {
    loop {
        let buffer = reader.fill_buf().map_err(Error::io("users of the container"))?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|b| *b == b'\n');
        let length = end.map_or(buffer.len(), |e| e + 1);
        reader.consume(length);
        if end.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1::/bin:\nweb:x:1000:100:Web:/home/web:/bin/sh\n\
                          4294967296:x:0:0::/:\nbroken\nbig:x:4294967295:0::/:\n";
    const GROUP: &str = "root:x:0:\nusers:x:100:\nwheel:x:10:root,web\naudio:x:63:web\n";

    fn find(user: &str, groups: &[&str]) -> Result<ResolvedUser> {
        let groups: Vec<String> = groups.iter().map(|s| (*s).to_owned()).collect();
        resolve(user, &groups, Some(PASSWD.as_bytes()), Some(GROUP.as_bytes()))
    }

    #[test]
    fn names_numbers_groups() {
        let root = find("", &[]).unwrap();
        assert_eq!((root.uid, root.gid, root.home.as_str()), (0, 0, "/root"));
        assert_eq!(root.additional_gids, [10]);
        let web = find("web", &[]).unwrap();
        assert_eq!((web.uid, web.gid, &web.additional_gids[..]), (1000, 100, &[10, 63][..]));
        assert_eq!(find("1000", &[]).unwrap(), web);
        let other = find("web:audio", &["5", "wheel"]).unwrap();
        assert_eq!((other.gid, &other.additional_gids[..]), (63, &[5, 10][..]));
        let unknown = find("77:88", &[]).unwrap();
        assert_eq!(find("77", &["keep-groups"]).unwrap().additional_gids, [0; 0]);
        assert_eq!((unknown.uid, unknown.gid, unknown.home.as_str()), (77, 88, "/"));
    }

    #[test]
    fn never_root_by_overflow() {
        for user in
            ["4294967296", "2147483648:1", "2147483648", "-1", "0:4294967296", "+1", "99999999999999999999"]
        {
            assert!(matches!(find(user, &[]), Err(Error::Invalid { .. })), "{user}");
        }
        assert!(matches!(find("big", &[]), Err(Error::NotFound { .. })));
        assert!(matches!(find("nobody", &[]), Err(Error::NotFound { .. })));
        assert!(matches!(find("0", &["nogroup"]), Err(Error::NotFound { .. })));
    }

    #[test]
    fn long_lines_are_left_out() {
        let text = format!("{}:x:5:5::/:\nok:x:6:6::/ok:\n", "a".repeat(200_000));
        let user = resolve("ok", &[], Some(text.as_bytes()), None::<&[u8]>).unwrap();
        assert_eq!((user.uid, user.home.as_str()), (6, "/ok"));
    }
}
