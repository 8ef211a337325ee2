use tempfile::TempDir;

use super::*;
use crate::config;

const BASE: &str = "data_dir = '/var/lib/chaperone'\nmaster_key_file = '/etc/chaperone/key'\n\
                    listen = ['127.0.0.1:8080']\nconsole_url = 'http://console.localhost:8080'\n\
                    replay_url = 'http://replay.localhost:8080'\n";
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn parse(text: &str) -> Result<Vec<EventStream>, String> {
    let variable = |name: &str| match name {
        "SIEM_TOKEN" => Some("Bearer hidden\n".to_owned()),
        "SIEM_LINES" => Some("Bearer\nX-Other: 1".to_owned()),
        _ => None,
    };
    config::parse(&format!("{BASE}{text}"), variable)
        .map(|config| config.event_streams)
        .map_err(|problems| problems.join("\n"))
}

fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("secret"), format!("{SECRET}\n")).expect("written");
    std::fs::write(folder.path().join("short"), "whsec_c2hvcnQ=\n").expect("written");
    folder
}

#[test]
fn without_the_table_nothing_is_sent() {
    assert!(parse("").expect("in order").is_empty());
}

#[test]
fn streams_of_every_kind_are_read_and_their_secrets_are_never_printed() {
    let folder = folder();
    let at = folder.path().display();
    let text = format!(
        "[[event_streams]]\nname = 'hook'\nkind = 'webhook'\nurl = 'https://siem.example.org/unguessable?key=hidden'\n\
         secret = 'file:{at}/secret'\nauthorization = 'env:SIEM_TOKEN'\nbody = 'lines'\nfrom = 'start'\n\
         classes = ['authentication', 'detection_finding']\n\
         [[event_streams]]\nname = 'old'\nkind = 'syslog'\nurl = 'tls://syslog.example.org'\nformat = 'cef'\n\
         framing = 'newline'\nconfirm = 'written'\nmax_message_bytes = 2048\nca_file = '/ca.pem'\n\
         client_certificate_file = '/c.pem'\nclient_key_file = '/k.pem'\n\
         [[event_streams]]\nname = 'local'\nkind = 'syslog'\nurl = 'tcp://[::1]:1514'\n\
         [[event_streams]]\nname = 'logs'\nkind = 'otlp'\nurl = 'http://127.0.0.1:4318/v1/logs'\n"
    );
    let streams = parse(&text).expect("in order");
    let printed = format!("{streams:?}");
    for hidden in ["hidden", "unguessable", "MDEy"] {
        assert!(!printed.contains(hidden), "{hidden} is printed: {printed}");
    }
    let [hook, old, local, logs] = streams.as_slice() else { panic!("four streams") };
    assert_eq!((hook.address.as_str(), hook.start), ("https://siem.example.org", StreamStart::Beginning));
    assert_eq!(hook.classes, [Class::Authentication, Class::DetectionFinding]);
    let Way::Webhook { body, secret, authorization, .. } = &hook.way else { panic!("a webhook") };
    assert_eq!((*body, secret.is_some()), (Body::Lines, true));
    assert_eq!(authorization.as_ref().map(Secret::reveal), Some("Bearer hidden"));
    assert_eq!((old.address.as_str(), old.format), ("tls://syslog.example.org:6514", StreamFormat::Cef));
    let Way::Syslog { port, protection, framing, confirm, .. } = &old.way else { panic!("syslog") };
    assert_eq!(
        (*port, *protection, *framing, *confirm),
        (6514, Protection::Tls, Framing::Newline, Confirm::Written)
    );
    assert_eq!((old.max_message_bytes, old.client_certificate.is_some()), (2_048, true));
    let Way::Syslog { host, port, protection, framing, confirm } = &local.way else { panic!("syslog") };
    assert_eq!((host.as_str(), *port, *protection), ("::1", 1514, Protection::Clear));
    assert_eq!((*framing, *confirm, local.start), (Framing::OctetCounting, Confirm::Close, StreamStart::Now));
    assert_eq!((logs.kind, logs.format), (StreamKind::Otlp, StreamFormat::Ocsf));
}

#[test]
fn each_mistake_has_its_sentence() {
    let folder = folder();
    let at = folder.path().display().to_string();
    let stream = |kind: &str, url: &str, more: &str| {
        format!("[[event_streams]]\nname = 'siem'\nkind = '{kind}'\nurl = '{url}'\n{more}\n")
    };
    let hook = |more: &str| stream("webhook", "https://siem.example.org/x", more);
    let syslog = |more: &str| stream("syslog", "tls://siem.example.org", more);
    let good = format!("secret = 'file:{at}/secret'");
    let twice = format!("{}{}", syslog(""), syslog(""));
    let table = [
        (stream("udp", "tls://a", ""), "\"webhook\", \"syslog\" or \"otlp\""),
        (hook(""), "neither secret nor authorization"),
        (hook("secret = 'whsec_MDEy'"), "secrets do not stand here"),
        (hook(&format!("secret = 'file:{at}/gone'")), "cannot be read"),
        (hook(&format!("secret = 'file:{at}/short'")), "24 to 64 bytes"),
        (hook("secret = 'env:NOT_SET'"), "NOT_SET, which is not set"),
        (hook("authorization = 'env:SIEM_LINES'"), "not one line of a header"),
        (hook(&format!("{good}\nformat = 'cef'")), "which is for syslog"),
        (hook(&format!("{good}\nformat = 'leef'")), "\"ocsf\" or \"cef\""),
        (hook(&format!("{good}\nfrom = 'yesterday'")), "\"now\" or \"start\""),
        (hook(&format!("{good}\nbody = 'xml'")), "\"batch\" or \"lines\""),
        (hook(&format!("{good}\nframing = 'newline'")), "has framing, which it does not know"),
        (hook(&format!("{good}\nclasses = ['sign_ins']")), "there are: detection_finding, account_change"),
        (hook(&format!("{good}\nclasses = []")), "leave classes out"),
        (stream("webhook", "http://siem.example.org", &good), "begins with https://"),
        (stream("otlp", "tls://siem.example.org", ""), "begins with https://"),
        (stream("syslog", "siem.example.org:514", ""), "tls://syslog.example.org:6514"),
        (stream("syslog", "udp://siem.example.org", ""), "tls://syslog.example.org:6514"),
        (stream("syslog", "tcp://siem.example.org", ""), "in clear"),
        (stream("syslog", "tcp://127.0.0.1", "ca_file = '/ca.pem'"), "write tls://"),
        (syslog("framing = 'cobs'"), "\"octet_counting\" or \"newline\""),
        (syslog("confirm = 'never'"), "\"close\" or \"written\""),
        (syslog("max_message_bytes = 100"), "write 2048 to 1048576"),
        (syslog("client_key_file = '/k.pem'"), "both client_certificate_file and client_key_file"),
        (syslog("secret = 'env:SIEM_TOKEN'"), "has secret, which it does not know"),
        (syslog("adress = 'a'"), "unknown field `adress`"),
        (syslog("").replace("'siem'", "'The SIEM'"), "small letters, digits"),
        (twice, "two event streams are called \"siem\""),
    ];
    for (text, expected) in table {
        let found = parse(&text).expect_err("refused");
        assert!(found.contains(expected), "{text}: {found}");
        assert!(!found.contains("MDEy"), "a secret is told: {found}");
    }
    assert!(parse(&stream("syslog", "tcp://siem.example.org", "allow_clear = true")).is_ok());
}
