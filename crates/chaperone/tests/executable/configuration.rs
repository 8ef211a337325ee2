//! What is wrong with a configuration is said in sentences, and nothing is started.

use crate::process::{Installation, Process, run};

async fn check(installation: &Installation, variables: &[(&str, &str)]) -> crate::process::Ended {
    run(&["config", "check", "--config", &installation.config().display().to_string()], variables).await
}

#[tokio::test]
async fn a_configuration_in_order_is_said_to_be_so_and_nothing_is_made() {
    let installation = Installation::new("");
    let ended = check(&installation, &[]).await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.out.contains("is in order"), "{ended:?}");
    assert!(!installation.data().exists() && !installation.key().exists());
}

#[tokio::test]
async fn every_problem_is_told_at_once_and_serving_is_refused_for_the_same_ones() {
    let installation = Installation::new("target_ca_file = '/nowhere'\n");
    let config = installation.config().display().to_string();
    let text = std::fs::read_to_string(&config).expect("read");
    let text = text.replace("127.0.0.1:0", "0.0.0.0:0").replace("http://replay.localhost", "replay");
    std::fs::write(&config, text).expect("written");
    let checked = check(&installation, &[]).await;
    let served = run(&["serve", "--config", &config], &[]).await;
    for ended in [checked, served] {
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.err.contains("0.0.0.0:0 is not a loopback address"), "{ended:?}");
        assert!(ended.err.contains("replay_url is \"replay\""), "{ended:?}");
    }
    assert!(!installation.data().exists(), "nothing was begun");
}

#[tokio::test]
async fn files_that_the_configuration_names_are_looked_at() {
    let ended = check(&Installation::new("target_ca_file = '/nowhere/ca.pem'\n"), &[]).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("/nowhere/ca.pem"), "{ended:?}");
}

#[tokio::test]
async fn an_unknown_key_is_a_mistake_with_its_line() {
    let ended = check(&Installation::new("data_dri = '/srv'\n"), &[]).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("unknown field `data_dri`") && ended.err.contains("line 6"), "{ended:?}");
}

#[tokio::test]
async fn a_variable_goes_before_the_file() {
    let ended =
        check(&Installation::new(""), &[("CHAPERONE_CONSOLE_URL", "http://elsewhere.localhost")]).await;
    assert!(ended.out.contains("http://elsewhere.localhost"), "{ended:?}");
    let ended = check(&Installation::new(""), &[("CHAPERONE_LISTEN", "0.0.0.0:80")]).await;
    assert!(ended.err.contains("0.0.0.0:80 is not a loopback address"), "{ended:?}");
}

/// The example that the repository shows.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/chaperone.toml");

#[tokio::test]
async fn the_example_runs_as_it_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, key) = (folder.path().join("data"), folder.path().join("key"));
    // Only where things are kept differs here, so that tests do not meet.
    let variables = [
        ("CHAPERONE_DATA_DIR", data.to_str().expect("text")),
        ("CHAPERONE_MASTER_KEY_FILE", key.to_str().expect("text")),
        ("CHAPERONE_LISTEN", "127.0.0.1:0"),
    ];
    let ended = run(&["config", "check", "--config", EXAMPLE], &[]).await;
    assert!(ended.status.success(), "{ended:?}");
    let mut process = Process::start(&["serve", "--config", EXAMPLE], &variables);
    process.says("ready").await;
    assert_eq!(process.stopped().await.status.code(), Some(0));
}

#[test]
fn what_the_example_has_commented_out_is_in_order_too() {
    let text = std::fs::read_to_string(EXAMPLE).expect("read");
    let keys =
        text.lines().map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line));
    let whole: toml::Table = keys.collect::<Vec<_>>().join("\n").parse().expect("TOML");
    for key in ["database_url_file", "trusted_proxies", "target_ca_file", "first_administrator_password_file"]
    {
        assert!(whole.contains_key(key), "{key} stands at the top, before any table");
    }
    assert!(whole["tls"].get("certificate_file").is_some() && whole["tls"].get("key_file").is_some());
    let told = &whole["notifications"];
    assert!(told["smtp"].get("from").is_some() && told["webhooks"][0].get("secret_file").is_some());
}

/// Whether a line without its `#` is a setting and no sentence.
fn is_setting(line: &str) -> bool {
    let is_name = |name: &str| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    line.starts_with('[') && line.ends_with(']')
        || line.split_once(" = ").is_some_and(|(name, _)| is_name(name))
}

#[tokio::test]
async fn the_demo_listens_on_this_machine_only() {
    let ended = run(&["demo", "--listen", "0.0.0.0:0"], &[]).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("loopback"), "{ended:?}");
}

#[tokio::test]
async fn the_description_of_the_api_is_printed() {
    let ended = run(&["openapi"], &[]).await;
    let description: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert!(description["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert!(description["paths"]["/api/v1/privileged-sessions"].is_object());
}
