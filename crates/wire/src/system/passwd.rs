//! Parses `/etc/passwd` and `/etc/group`.
//!
//! The C library's functions load modules at run time, which a static binary must not do. Formats:
//! [passwd(5)](https://man7.org/linux/man-pages/man5/passwd.5.html),
//! [group(5)](https://man7.org/linux/man-pages/man5/group.5.html).

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Home directory.
    pub home: String,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Group id.
    pub gid: u32,
    /// The names of its members, without users that have it as their primary group.
    pub members: Vec<String>,
}

/// The users of a passwd file. Skips invalid lines.
pub fn users(file: &[u8]) -> impl Iterator<Item = User> {
    lines(file).filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, ..] = fields[..] else { return None };
        Some(User {
            name: name.to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: home.to_owned(),
        })
    })
}

/// The groups of a group file. Skips invalid lines.
pub fn groups(file: &[u8]) -> impl Iterator<Item = Group> {
    lines(file).filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, members, ..] = fields[..] else { return None };
        let members = members.split(',').filter(|member| !member.is_empty());
        Some(Group {
            name: name.to_owned(),
            gid: gid.parse().ok()?,
            members: members.map(str::to_owned).collect(),
        })
    })
}

fn lines(file: &[u8]) -> impl Iterator<Item = &str> {
    file.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_and_comments_skipped() {
        let file = b"root:x:0:0:root:/root:/bin/bash\n# note\n+@nis\nweb:x:33:34::/var/www:\n";
        let found: Vec<_> = users(file).map(|user| (user.name, user.uid, user.gid)).collect();
        assert_eq!(found, [("root".to_owned(), 0, 0), ("web".to_owned(), 33, 34)]);
    }

    #[test]
    fn an_empty_list_of_members_has_no_members() {
        let found: Vec<_> = groups(b"a:x:1:\nb:x:2:root,web").map(|group| group.members).collect();
        assert_eq!(found, [vec![], vec!["root".to_owned(), "web".to_owned()]]);
    }
}
