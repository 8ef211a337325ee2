//! A disk that is really full: a small file system of its own, mounted where only the processes in its namespace see it.
//! What ends sessions has its room all the same; nothing begins.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::fs::statvfs;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::client::Call;
use crate::clock::from_now;
use crate::office::{LOOK, Office};
use crate::process::{Installation, LIMIT, Process};
use crate::roles::Roles;

/// The size of the disk.
const SIZE: &str = "size=220m";
/// What the reserve takes.
const RESERVE_BYTES: u64 = 64 * 1024 * 1024;
/// What others leave of the disk.
const LEFT_BYTES: u64 = 4 * 1024 * 1024;

/// The disk, as long as this is kept.
struct SmallDisk {
    holder: Child,
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one at this folder; `None` where the machine lets nobody mount.
    async fn at(folder: PathBuf) -> Option<Self> {
        std::fs::create_dir(&folder).expect("made");
        let script = format!("mount -t tmpfs -o {SIZE} tmpfs \"$0\" && echo mounted && exec sleep 3600");
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("util-linux is there");
        let mut lines = BufReader::new(holder.stdout.take().expect("piped")).lines();
        let mounted = lines.next_line().await.expect("read");
        mounted.map(|_| Self { holder, folder })
    }

    fn pid(&self) -> String {
        self.holder.id().expect("running").to_string()
    }

    /// The folder, seen from outside.
    fn seen(&self) -> PathBuf {
        let inside = self.folder.strip_prefix("/").expect("from the root");
        Path::new("/proc").join(self.pid()).join("root").join(inside)
    }

    fn start(&self, installation: &Installation) -> Process {
        let config = installation.config().display().to_string();
        let pid = self.pid();
        let inside = ["nsenter", "--target", &pid, "--user", "--mount", "--preserve-credentials", "--"];
        Process::start_by(&inside, &["serve", "--config", &config], &[])
    }

    fn free(&self) -> u64 {
        let found = statvfs(self.seen()).expect("asked");
        found.f_bavail * found.f_frsize
    }

    /// Somebody else takes nearly all of it.
    fn fill(&self) {
        let more = self.free().saturating_sub(LEFT_BYTES);
        let zeros = vec![0; usize::try_from(more).expect("fits")];
        std::fs::write(self.seen().join("of-somebody-else"), zeros).expect("written");
    }

    fn make_room(&self) {
        std::fs::remove_file(self.seen().join("of-somebody-else")).expect("removed");
    }

    /// Waits until the reserve is there, or is not.
    async fn reserved(&self, expected: bool) {
        let file = self.seen().join("reserve");
        let whole = || std::fs::metadata(&file).is_ok_and(|about| about.len() == RESERVE_BYTES);
        let waiting = async {
            while whole() != expected {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(LIMIT, waiting).await.expect("in time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_sessions_end_from_the_reserve_also_after_a_kill_and_none_starts_before_there_is_room()
{
    let Some(roles) = Roles::new().await else { return };
    let installation = Installation::with_password("");
    let Some(disk) = SmallDisk::at(installation.data()).await else {
        return roles.remove().await;
    };
    let (starts, ends) = (roles.add("starts", "NOLOGIN").await, roles.add("ends", "NOLOGIN").await);
    let (first, last) = (roles.add("first", "NOLOGIN").await, roles.role(&starts).await);
    let mut process = disk.start(&installation);
    let port = process.listens().await;
    disk.reserved(true).await;
    let office = Office::set_up(port, roles.settings(roles.port)).await;
    let accounts = office.import(port, &roles.prefix).await;
    let before = roles.now().await;
    let one = office.approved(port, &accounts[&first], &from_now(0), &from_now(600_000)).await;
    let ending = office.approved(port, &accounts[&ends], &from_now(0), &from_now(9_000)).await;
    office.reaches(port, &one, "Active").await;
    office.reaches(port, &ending, "Active").await;
    let starting = office.approved(port, &accounts[&starts], &from_now(3_000), &from_now(120_000)).await;

    disk.fill();
    disk.reserved(false).await;
    process.says("the disk is full").await;
    Call::get("console.localhost", "/readyz").expect(port, 503).await;
    let ended = office.reaches(port, &ending, "Ended").await;
    assert_eq!((&ended["end_reason"], &ended["not_back"]), (&json!("completed"), &json!([])));
    assert_eq!(roles.role(&ends).await, before[&ends]);
    assert_eq!(roles.role(&starts).await, last, "its time is there, and nothing could be recorded");

    process.killed().await;
    let mut process = disk.start(&installation);
    let port = process.listens().await;
    office.change_status(port, &one, "End").await;
    let ended = office.reaches(port, &one, "Ended").await;
    assert_eq!(ended["not_back"], json!([]));
    assert_eq!(roles.role(&first).await, before[&first]);
    assert_eq!(roles.role(&starts).await, last);

    disk.make_room();
    office.reaches(port, &starting, "Active").await;
    disk.reserved(true).await;
    office.change_status(port, &starting, "End").await;
    office.reaches(port, &starting, "Ended").await;
    assert_eq!(roles.now().await, before);
    process.stopped().await;
    roles.remove().await;
}
