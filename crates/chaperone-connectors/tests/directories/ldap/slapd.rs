//! A real OpenLDAP server of the test's own, in a folder that goes away with it.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ldap3::{LdapConnAsync, LdapConnSettings};

pub(crate) const SUFFIX: &str = "dc=example,dc=org";
pub(crate) const PEOPLE: &str = "ou=people,dc=example,dc=org";
pub(crate) const ADMIN: &str = "cn=admin,dc=example,dc=org";
pub(crate) const ADMIN_PASSWORD: &str = "administrators only";
pub(crate) const CHAPERONE: &str = "cn=chaperone,dc=example,dc=org";
pub(crate) const CHAPERONE_PASSWORD: &str = "pässword ,\"\\ of chaperone";

pub(crate) const AUTHORITY: &str = include_str!("fixtures/authority.pem");
pub(crate) const OTHER_AUTHORITY: &str = include_str!("fixtures/other-authority.pem");

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/directories/ldap/fixtures");
const ACTIVE_DIRECTORY: &str = include_str!("active_directory.schema");

/// What is special about a server.
#[derive(Clone, Debug)]
pub(crate) struct Special {
    /// Overlays of the database.
    pub(crate) overlays: &'static str,
    /// Who may do what, and how much.
    pub(crate) rights: &'static str,
    /// Whether it has a certificate.
    pub(crate) tls: bool,
    /// Whether there is the entry `cn=policy`.
    pub(crate) policy: bool,
    /// Further entries, loaded before it starts.
    pub(crate) entries: String,
}

/// The rights that the documentation tells people to give, and nothing for others but to sign in.
pub(crate) const DOCUMENTED_RIGHTS: &str = r#"
limits dn.exact="cn=chaperone,dc=example,dc=org" size=unlimited
access to dn.subtree="ou=people,dc=example,dc=org" attrs=pwdAccountLockedTime
  by dn.exact="cn=chaperone,dc=example,dc=org" write
  by * break
access to dn.subtree="ou=people,dc=example,dc=org" attrs=entry,objectClass,entryUUID,uid,mail
  by dn.exact="cn=chaperone,dc=example,dc=org" read
  by * break
access to dn.subtree="dc=example,dc=org" attrs=entry,objectClass,pwdLockout
  by dn.exact="cn=chaperone,dc=example,dc=org" read
  by * break
access to attrs=userPassword
  by anonymous auth
  by * none
access to *
  by * none
"#;

/// The same for the schema of Active Directory.
pub(crate) const ACTIVE_DIRECTORY_RIGHTS: &str = r#"
limits dn.exact="cn=chaperone,dc=example,dc=org" size=unlimited
access to dn.subtree="ou=people,dc=example,dc=org" attrs=userAccountControl,accountExpires
  by dn.exact="cn=chaperone,dc=example,dc=org" write
  by * none
access to attrs=userPassword by anonymous auth by * none
access to * by * read
"#;

impl Default for Special {
    fn default() -> Self {
        Self {
            overlays: "overlay ppolicy\nppolicy_default \"cn=policy,dc=example,dc=org\"\n",
            rights: DOCUMENTED_RIGHTS,
            tls: false,
            policy: true,
            entries: String::new(),
        }
    }
}

pub(crate) struct Slapd {
    folder: tempfile::TempDir,
    port: u16,
    port_tls: u16,
    tls: bool,
    child: Option<Child>,
}

/// Whether it can be started here.
pub(crate) fn is_installed() -> bool {
    program("slapd").is_some() && Path::new("/etc/ldap/schema/core.schema").is_file()
}

fn program(name: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/usr/bin", "/usr/lib/openldap", "/usr/local/libexec"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
}

impl Slapd {
    /// Starts one, and waits until it answers.
    pub(crate) async fn start(special: &Special) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("db")).expect("a folder");
        std::fs::write(folder.path().join("ad.schema"), ACTIVE_DIRECTORY).expect("written");
        std::fs::write(folder.path().join("slapd.conf"), configuration(folder.path(), special))
            .expect("written");
        let mut slapd = Self { folder, port: 0, port_tls: 0, tls: special.tls, child: None };
        slapd.load(special);
        slapd.run().await;
        slapd
    }

    fn load(&self, special: &Special) {
        let policy = format!(
            "dn: cn=policy,{SUFFIX}\nobjectClass: organizationalRole\nobjectClass: pwdPolicy\n\
             pwdAttribute: userPassword\npwdLockout: TRUE\npwdMaxFailure: 3\npwdLockoutDuration: 3600\n\n"
        );
        let policy = if special.policy { policy } else { String::new() };
        let entries = format!(
            "dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\n\n\
             dn: {PEOPLE}\nobjectClass: organizationalUnit\n\n\
             dn: ou=consultants,{PEOPLE}\nobjectClass: organizationalUnit\n\n\
             dn: ou=elsewhere,{SUFFIX}\nobjectClass: organizationalUnit\n\n\
             dn: {CHAPERONE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n\
             userPassword: {CHAPERONE_PASSWORD}\n\n{policy}{}",
            special.entries
        );
        let mut slapadd = Command::new(program("slapadd").expect("comes with slapd"))
            .arg("-q")
            .arg("-f")
            .arg(self.folder.path().join("slapd.conf"))
            .args(["-b", SUFFIX])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        slapadd.stdin.take().expect("piped").write_all(entries.as_bytes()).expect("read");
        let done = slapadd.wait_with_output().expect("ended");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Starts it again after [`Self::stop`], at the same port.
    pub(crate) async fn run(&mut self) {
        // Somebody else may take a free port before the server does: then it ends, and another is tried.
        for _ in 0..20 {
            let port = if self.port == 0 { free_port() } else { self.port };
            let port_tls = if self.port_tls == 0 { free_port() } else { self.port_tls };
            let socket = self.socket();
            let _ = std::fs::remove_file(&socket);
            let mut urls = format!("ldap://127.0.0.1:{port}/ ldapi://{}/", escaped(&socket));
            if self.tls {
                urls.push_str(&format!(" ldaps://127.0.0.1:{port_tls}/"));
            }
            let child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "--"])
                .arg(program("slapd").expect("installed"))
                .args(["-d", "0", "-h", &urls, "-f"])
                .arg(self.folder.path().join("slapd.conf"))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("setpriv is there");
            let child = self.child.insert(child);
            while child.try_wait().expect("asked").is_none() {
                if tokio::net::UnixStream::connect(&socket).await.is_ok() {
                    (self.port, self.port_tls) = (port, port_tls);
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        panic!("slapd does not start with {}", self.folder.path().join("slapd.conf").display());
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn port_tls(&self) -> u16 {
        self.port_tls
    }

    /// Over the network, in clear.
    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// By its socket.
    pub(crate) fn socket_url(&self) -> String {
        format!("ldapi://{}", escaped(&self.socket()))
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("ldapi")
    }

    /// Signs in by the socket; the answer is the server's result code.
    pub(crate) async fn bind(&self, dn: &str, password: &str) -> Result<ldap3::Ldap, u32> {
        let (connection, mut ldap) =
            LdapConnAsync::with_settings(LdapConnSettings::new(), &self.socket_url())
                .await
                .expect("connected");
        tokio::spawn(connection.drive());
        match ldap.simple_bind(dn, password).await.expect("answered").rc {
            0 => Ok(ldap),
            code => Err(code),
        }
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

fn escaped(path: &Path) -> String {
    path.display().to_string().replace('/', "%2F")
}

fn configuration(folder: &Path, special: &Special) -> String {
    let folder = folder.display();
    let tls = if special.tls {
        format!("TLSCertificateFile {FIXTURES}/server.pem\nTLSCertificateKeyFile {FIXTURES}/server.key\n")
    } else {
        String::new()
    };
    format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         include {folder}/ad.schema\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         moduleload ppolicy\n\
         pidfile {folder}/pid\n\
         argsfile {folder}/args\n\
         {tls}\n\
         database mdb\n\
         suffix {SUFFIX}\n\
         rootdn {ADMIN}\n\
         rootpw \"{ADMIN_PASSWORD}\"\n\
         directory {folder}/db\n\
         maxsize 1073741824\n\
         dbnosync\n\
         index objectClass,entryUUID,uid eq\n\
         {}\n\
         {}\n",
        special.rights, special.overlays
    )
}
