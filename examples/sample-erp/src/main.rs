//! `sample-erp`: the sample ERP for itself, with its own sign-in or behind a gateway.

use std::{fs, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use sample_erp::{Clock, Erp, ErpConfig, Identity, Keys};
use tokio::signal;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum IdentityFrom {
    /// The ERP's own sign-in page.
    Own,
    /// The gateway's signed assertion; everything without one is refused.
    Assertion,
}

/// A small ERP to put behind the gateway.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Where the lab's raw listener listens; without it there is none.
    #[arg(long)]
    lab_listen: Option<SocketAddr>,
    /// Where users come from.
    #[arg(long, value_enum, default_value = "own")]
    identity: IdentityFrom,
    /// The gateway's JWKS document, a plain http:// address.
    #[arg(long, conflicts_with = "keys")]
    jwks_url: Option<String>,
    /// A file that holds the gateway's JWKS document.
    #[arg(long)]
    keys: Option<PathBuf>,
    /// This application's host as browsers see it, with port: the audience of assertions.
    #[arg(long, default_value = "erp.localhost:8080")]
    public_host: String,
    /// A JSON file to keep the state in.
    #[arg(long)]
    save_to: Option<PathBuf>,
}

impl Options {
    fn into_config(self) -> Result<ErpConfig, String> {
        let identity = match self.identity {
            IdentityFrom::Own => Identity::Own,
            IdentityFrom::Assertion => {
                let keys = match (self.jwks_url, self.keys) {
                    (Some(url), _) => Keys::Url(url),
                    (None, Some(path)) => {
                        let document =
                            fs::read(&path).map_err(|problem| format!("{}: {problem}", path.display()))?;
                        Keys::from_jwks(&document)
                            .ok_or_else(|| format!("{}: no Ed25519 key in it", path.display()))?
                    }
                    (None, None) => return Err("--identity assertion needs --jwks-url or --keys".to_owned()),
                };
                Identity::Assertion { keys, audience: self.public_host }
            }
        };
        Ok(ErpConfig {
            listen: self.listen,
            lab_listen: self.lab_listen,
            identity,
            save_to: self.save_to,
            clock: Clock::system(),
        })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let config = match Options::parse().into_config() {
        Ok(config) => config,
        Err(problem) => {
            tracing::error!("{problem}");
            return ExitCode::from(2);
        }
    };
    match Erp::start(config).await {
        Ok(erp) => {
            tracing::info!("open http://{}/", erp.address());
            if let Err(problem) = signal::ctrl_c().await {
                tracing::error!(%problem, "cannot wait for the signal to stop");
            }
            erp.stop().await;
            ExitCode::SUCCESS
        }
        Err(problem) => {
            tracing::error!("{problem}");
            ExitCode::FAILURE
        }
    }
}
