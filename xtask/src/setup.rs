//! What has to be there before anything else: Debian and Python packages for the tests, npm packages
//! for the pages.
//!
//! Looks first and installs only what is missing, so that a second run costs nothing and a machine where all
//! is there needs no network and no rights.

use crate::process::{Program, is_installed};
use crate::project::{Failure, Outcome, failed, web};
use crate::{postgres, project, python};

/// A Debian package, and how we see that what it brings is there (perhaps from elsewhere).
struct Package {
    name: &'static str,
    for_what: &'static str,
    is_there: fn() -> bool,
}

const POSTGRESQL: Package = Package {
    name: "postgresql",
    for_what: "the store's second database, and a directory of roles",
    is_there: || postgres::programs().is_ok(),
};

const TEST_PACKAGES: &[Package] = &[
    POSTGRESQL,
    Package { name: "chromium", for_what: "the browser tests", is_there: || chromium().is_some() },
    Package { name: "fonts-liberation", for_what: "text in the browser tests", is_there: fonts_are_there },
    Package {
        name: "tryton-server",
        for_what: "a real ERP behind the gateway",
        is_there: || is_installed("trytond"),
    },
    Package { name: "tryton-sao", for_what: "its web client", is_there: || debian_has("tryton-sao") },
    Package {
        name: "tryton-modules-party",
        for_what: "its contacts, which the tests edit",
        is_there: || debian_has("tryton-modules-party"),
    },
    Package {
        name: "python3-venv",
        for_what: "servers that are Python packages",
        is_there: python::is_there,
    },
    Package { name: "slapd", for_what: "a real LDAP directory", is_there: || slapd().is_some() },
    Package { name: "rsyslog", for_what: "a real syslog collector", is_there: || rsyslog().is_some() },
    Package {
        name: "rsyslog-gnutls",
        for_what: "the same over TLS",
        is_there: || debian_has("rsyslog-gnutls"),
    },
    Package { name: "ldap-utils", for_what: "looking into it", is_there: || is_installed("ldapsearch") },
];

const BENCH_PACKAGES: &[Package] = &[
    Package { name: "nginx-light", for_what: "the proxy to compare with", is_there: || nginx().is_some() },
    Package { name: "curl", for_what: "signing in before the load", is_there: || is_installed("curl") },
    Package { name: "wrk", for_what: "the load", is_there: || is_installed("wrk") },
    Package {
        name: "openssl",
        for_what: "a certificate for both proxies",
        is_there: || is_installed("openssl"),
    },
];

/// The oldest Node that the web tools run on.
const NODE_MAJOR_MIN: u32 = 20;

/// All that `cargo xtask test` needs.
pub(crate) fn for_tests() -> Outcome {
    debian_packages(TEST_PACKAGES)?;
    python::packages()?;
    npm_packages()
}

/// What `cargo xtask torture` needs: the server whose roles are the accounts.
pub(crate) fn for_torture() -> Outcome {
    debian_packages(&[POSTGRESQL])
}

/// What `cargo xtask bench` needs besides.
pub(crate) fn for_bench() -> Outcome {
    debian_packages(TEST_PACKAGES)?;
    debian_packages(BENCH_PACKAGES)?;
    npm_packages()
}

/// The browser for the tests.
pub(crate) fn chromium() -> Option<std::path::PathBuf> {
    first_file(&["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"])
}

/// nginx, which Debian keeps outside an ordinary user's `PATH`.
pub(crate) fn nginx() -> Option<std::path::PathBuf> {
    first_file(&["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"])
}

/// OpenLDAP, which Debian keeps outside an ordinary user's `PATH`. The tests start servers of their own; the service
/// of the machine is left alone.
fn slapd() -> Option<std::path::PathBuf> {
    first_file(&["/usr/sbin/slapd", "/usr/lib/openldap/slapd", "/usr/local/libexec/slapd"])
}

/// rsyslog, which Debian keeps outside an ordinary user's `PATH`. The tests start collectors of their own; the service
/// of the machine is left alone.
fn rsyslog() -> Option<std::path::PathBuf> {
    first_file(&["/usr/sbin/rsyslogd", "/usr/bin/rsyslogd", "/usr/local/sbin/rsyslogd"])
}

/// The npm packages of `web/`, exactly as the lock file says; again only when the lock file changed.
pub(crate) fn npm_packages() -> Outcome {
    node_is_recent()?;
    let lock = web().join("package-lock.json");
    let stamp = web().join("node_modules/.installed-package-lock.json");
    let wanted = project::read(&lock)?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        eprintln!("    npm packages: up to date");
        return Ok(());
    }
    Program::new("npm").args(["ci", "--no-audit", "--no-fund"]).folder(&web()).run().map_err(|failure| {
        Failure(format!(
            "{failure}. The npm packages come from the registry that `npm config get registry` names."
        ))
    })?;
    project::write(&stamp, &wanted)
}

fn node_is_recent() -> Outcome {
    let advice = format!("Node {NODE_MAJOR_MIN} or newer with npm is needed for the web pages");
    if !is_installed("node") || !is_installed("npm") {
        return failed(format!("{advice}; see https://nodejs.org or your distribution"));
    }
    let version = Program::new("node").arg("--version").text()?;
    let major =
        version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major >= NODE_MAJOR_MIN => Ok(()),
        _ => failed(format!("{advice}; this is {}", version.trim())),
    }
}

fn debian_packages(packages: &[Package]) -> Outcome {
    let missing: Vec<&Package> = packages.iter().filter(|package| !(package.is_there)()).collect();
    if missing.is_empty() {
        eprintln!("    Debian packages: all there");
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    for package in &missing {
        eprintln!("    missing: {} ({})", package.name, package.for_what);
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", names.join(" "));
    if !is_installed("apt-get") {
        return failed(format!("this is no Debian: install the like of {} and run again", names.join(", ")));
    }
    let Some(apt_get) = apt_get() else {
        return failed(format!("installing needs root; run `sudo {by_hand}` and then this command again"));
    };
    apt_get().args(["update", "--quiet"]).run()?;
    apt_get()
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(&names)
        .run()
        .map_err(|failure| Failure(format!("{failure}; try `{by_hand}` by hand")))?;
    match missing.iter().find(|package| !(package.is_there)()) {
        None => Ok(()),
        Some(package) => {
            failed(format!("{} is installed, and what it should bring is not there", package.name))
        }
    }
}

/// How we may call `apt-get`: as root, or by a `sudo` that asks nothing.
fn apt_get() -> Option<fn() -> Program> {
    fn as_root() -> Program {
        Program::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive")
    }
    fn by_sudo() -> Program {
        Program::new("sudo").args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
    }
    let is_root = Program::new("id").arg("-u").text().is_ok_and(|id| id.trim() == "0");
    if is_root {
        Some(as_root)
    } else if is_installed("sudo") && Program::new("sudo").args(["-n", "true"]).succeeds() {
        Some(by_sudo)
    } else {
        None
    }
}

fn debian_has(package: &str) -> bool {
    Program::new("dpkg").args(["--status", package]).succeeds()
}

fn fonts_are_there() -> bool {
    [
        "/usr/share/fonts/truetype/liberation",
        "/usr/share/fonts/truetype/liberation2",
        "/usr/share/fonts/liberation",
    ]
    .iter()
    .any(|folder| std::path::Path::new(folder).is_dir())
}

fn first_file(candidates: &[&str]) -> Option<std::path::PathBuf> {
    candidates.iter().map(std::path::PathBuf::from).find(|path| path.is_file())
}
