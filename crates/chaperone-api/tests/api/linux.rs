//! A machine's accounts below a folder of one's own: a directory that needs no server. Its programs enter the folder
//! with `chroot`, so root only.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tempfile::TempDir;

/// Who is there, with the field of `/etc/shadow` that says when the account expires: empty for never, `1` for disabled.
const ACCOUNTS: [(&str, &str); 3] = [("backup", "1"), ("deploy", ""), ("oracle", "1")];

/// A root folder with accounts.
pub struct Machine {
    root: TempDir,
}

impl Machine {
    /// `None` for those who are not root, or without Debian's package `passwd`.
    pub fn new() -> Option<Self> {
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0);
        if !is_root || !Path::new("/usr/bin/chage").is_file() {
            return None;
        }
        let machine = Self { root: TempDir::new().expect("a folder") };
        std::fs::create_dir(machine.root.path().join("etc")).expect("made");
        machine.write("group", "root:x:0:\nusers:x:100:\n");
        machine.write("gshadow", "root:*::\nusers:!::\n");
        let passwd = ACCOUNTS
            .iter()
            .enumerate()
            .map(|(n, (name, _))| format!("{name}:x:{}:100::/:/bin/sh\n", 1_000 + n))
            .collect::<String>();
        machine.write("passwd", &format!("root:x:0:0:root:/root:/bin/sh\n{passwd}"));
        machine.write_shadow(&ACCOUNTS);
        Some(machine)
    }

    pub fn root(&self) -> String {
        self.root.path().display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.root.path().join("etc").join(name), text).expect("written");
    }

    fn write_shadow(&self, accounts: &[(&str, &str)]) {
        let lines = accounts
            .iter()
            .map(|(name, expiry)| format!("{name}:$y$j9T$hash:19000:0:99999:7::{expiry}:\n"))
            .collect::<String>();
        self.write("shadow", &format!("root:*:19000:0:99999:7:::\n{lines}"));
    }

    /// Somebody sets when an account expires, outside of Chaperone.
    pub fn set(&self, name: &str, expiry: &str) {
        let changed = ACCOUNTS.map(|(one, old)| (one, if one == name { expiry } else { old }));
        self.write_shadow(&changed);
    }

    /// Its accounts cannot be read, until [`Machine::back`].
    pub fn away(&self) {
        self.rename("etc", "etc.away");
    }

    pub fn back(&self) {
        self.rename("etc.away", "etc");
    }

    fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.root.path().join(from), self.root.path().join(to)).expect("renamed");
    }

    /// The field of `/etc/shadow` that says when the account expires.
    pub fn expiry(&self, name: &str) -> String {
        let shadow = std::fs::read_to_string(self.root.path().join("etc/shadow")).expect("read");
        let line = shadow.lines().find(|line| line.split(':').next() == Some(name)).expect("there");
        line.split(':').nth(7).expect("a field").to_owned()
    }
}
