//! The master key: made at the first start, outside the data, readable by Chaperone's user only.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use aws_lc_rs::rand;

use crate::Problem;

/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// The key in this file. One that is missing is made, unless there is data already: that was written under another key.
pub(crate) fn read_or_make(path: &Path, data_exists: bool) -> Result<[u8; KEY_BYTES], Problem> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let mode = std::fs::metadata(path).map(|found| found.permissions().mode()).unwrap_or(0);
            if mode & 0o077 != 0 {
                return Err(Problem::new(format!(
                    "the master key {} can be read by others; say: chmod 600 {0}",
                    path.display()
                )));
            }
            unhex(text.trim()).ok_or_else(|| {
                Problem::new(format!("{} is not a master key: it is 64 hexadecimal digits", path.display()))
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !data_exists => make(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Problem::new(format!(
            "the master key {} is missing, and there is data that was written under it. Bring it back from where you \
             keep its copy: without it recordings cannot be read by anybody",
            path.display()
        ))),
        Err(error) => Err(Problem::new(format!("the master key {} cannot be read: {error}", path.display()))),
    }
}

fn make(path: &Path) -> Result<[u8; KEY_BYTES], Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(format!("the master key {} cannot be made: {error}", path.display()))
    };
    let mut key = [0; KEY_BYTES];
    rand::fill(&mut key).map_err(|_| Problem::new("the system gives no random bytes"))?;
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(format!("{digits}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(key)
}

fn unhex(digits: &str) -> Option<[u8; KEY_BYTES]> {
    if digits.len() != 2 * KEY_BYTES || !digits.is_ascii() {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_never_over_data() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        assert!(read_or_make(&path, true).expect_err("refused").to_string().contains("missing"));
        let made = read_or_make(&path, false).expect("made");
        assert_eq!(read_or_make(&path, true).expect("read"), made);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(read_or_make(&path, true).expect_err("refused").to_string().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("changed");
        std::fs::write(&path, "short").expect("written");
        assert!(read_or_make(&path, true).expect_err("refused").to_string().contains("64 hexadecimal"));
    }
}
