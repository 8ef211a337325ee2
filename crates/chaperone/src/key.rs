//! The master key: made at the first start, outside the data, readable by Chaperone's user only.
//!
//! The data folder holds a *mark* of the key that it was begun with: a keyed digest, from which nothing of the key can
//! be learned. Another key is refused before anything is opened or written with it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use aws_lc_rs::{hmac, rand};

use crate::Problem;

/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// The name of the mark in the data folder.
const MARK_FILE: &str = "master-key.mark";
/// What the mark is a digest of.
const MARK_TEXT: &[u8] = b"chaperone master key mark v1";

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
    let mut key = [0; KEY_BYTES];
    rand::fill(&mut key).map_err(|_| Problem::new("the system gives no random bytes"))?;
    write_new(path, &key).map_err(|error| {
        Problem::new(format!("the master key {} cannot be made: {error}", path.display()))
    })?;
    Ok(key)
}

/// Says no to another key than the one that the data folder was begun with.
pub(crate) fn must_fit(data_dir: &Path, key: &[u8; KEY_BYTES]) -> Result<(), Problem> {
    let path = data_dir.join(MARK_FILE);
    let signing = hmac::Key::new(hmac::HMAC_SHA256, key);
    match std::fs::read_to_string(&path) {
        Ok(mark) => {
            let fits =
                unhex(mark.trim()).is_some_and(|mark| hmac::verify(&signing, MARK_TEXT, &mark).is_ok());
            if fits {
                return Ok(());
            }
            Err(Problem::new(format!(
                "the master key is another one than the data in {} was written under; bring back the one that belongs \
                 to it: with this one its recordings cannot be read",
                data_dir.display()
            )))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_new(&path, hmac::sign(&signing, MARK_TEXT).as_ref())
                .map_err(|error| Problem::new(format!("{} cannot be made: {error}", path.display())))
        }
        Err(error) => Err(Problem::new(format!("{} cannot be read: {error}", path.display()))),
    }
}

/// Writes a new file of our own, as hexadecimal digits, so that it is there after a power cut.
fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(format!("{digits}\n").as_bytes())?;
    file.sync_all()?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::File::open(folder)?.sync_all(),
        _ => std::fs::File::open(".")?.sync_all(),
    }
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
    #[test]
    fn a_folder_takes_the_key_that_it_was_begun_with() {
        let folder = tempfile::tempdir().expect("a folder");
        must_fit(folder.path(), &[1; KEY_BYTES]).expect("begun");
        must_fit(folder.path(), &[1; KEY_BYTES]).expect("the same");
        let refused = must_fit(folder.path(), &[2; KEY_BYTES]).expect_err("another");
        assert!(refused.to_string().contains("another one"), "{refused}");
        std::fs::write(folder.path().join(MARK_FILE), "").expect("written");
        must_fit(folder.path(), &[1; KEY_BYTES]).expect_err("the mark is gone, which is nobody's doing");
    }
}
