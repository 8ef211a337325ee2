//! The programs that do it: found at fixed places, called without a shell, with an empty environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::error::ConnectorError;

/// Where programs of the system are.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// Every state of a process but *ended and not waited for*.
const ALIVE: &str = "D,I,R,S,T,t";
/// Longest text of a program that is kept, in characters.
const CONTEXT_MAX_CHARS: usize = 500;

fn find(name: &str) -> Result<PathBuf, ConnectorError> {
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file()).ok_or_else(|| {
        let sentence = format!("The program {name} is not installed: Debian has it in passwd or procps.");
        ConnectorError::refused(sentence, FOLDERS.join(":"))
    })
}

/// Whether all of them are installed.
pub(super) fn are_here() -> Result<(), ConnectorError> {
    ["chage", "pkill", "pgrep"].into_iter().try_for_each(|name| find(name).map(drop))
}

async fn run(name: &str, arguments: &[&OsStr]) -> Result<(Option<i32>, String), ConnectorError> {
    let output = Command::new(find(name)?)
        .args(arguments)
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| {
            ConnectorError::unreachable(format!("The program {name} could not be run."), error)
        })?;
    let said = String::from_utf8_lossy(&output.stderr);
    Ok((output.status.code(), said.trim().chars().take(CONTEXT_MAX_CHARS).collect()))
}

/// Writes the account's expiry: a number of days, or -1 for none. `name` was read from the files and does not begin
/// with a dash.
pub(super) async fn set_expiry(root: Option<&Path>, name: &str, field: i64) -> Result<(), ConnectorError> {
    let field = field.to_string();
    let mut arguments: Vec<&OsStr> = Vec::new();
    if let Some(root) = root {
        arguments.extend([OsStr::new("-R"), root.as_os_str()]);
    }
    arguments.extend(["-E", &field, "--", name].map(OsStr::new));
    let (code, said) = run("chage", &arguments).await?;
    match code {
        Some(0) => Ok(()),
        // Killed half-way, or somebody else has the lock.
        None => Err(ConnectorError::unreachable("The program chage was ended by somebody.", said)),
        Some(_) if said.contains("lock") => Err(ConnectorError::unreachable(
            "Another program changes accounts right now; it is tried again.",
            said,
        )),
        Some(1) => Err(ConnectorError::refused(
            "Chaperone may not change accounts of this machine: run it as root.",
            said,
        )),
        Some(code) => Err(ConnectorError::refused(
            format!("The account {name} could not be changed by chage: see what it said in Chaperone's log."),
            format!("{code}: {said}"),
        )),
    }
}

/// Kills what runs as this user (really or effectively); whether there was anything.
pub(super) async fn kill(uid: u32) -> Result<bool, ConnectorError> {
    let uid = uid.to_string();
    let mut any = false;
    for by in ["-u", "-U"] {
        let arguments = ["-KILL", "-r", ALIVE, by, &uid].map(OsStr::new);
        match run("pkill", &arguments).await? {
            (Some(0), _) => any = true,
            // 1: there is none, or all of them went before they could be killed.
            (Some(1), _) => {
                any |= run("pgrep", &["-r", ALIVE, by, &uid].map(OsStr::new)).await?.0 == Some(0);
            }
            (code, said) => {
                return Err(ConnectorError::refused(
                    "The account's processes could not be ended: see what pkill said in Chaperone's log.",
                    format!("{code:?}: {said}"),
                ));
            }
        }
    }
    Ok(any)
}
