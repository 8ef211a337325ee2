//! The layer table: which crate may use which.
//!
//! The table is the architecture, so it stands here once and is compared with what `cargo metadata` says. A
//! new edge is a decision first (`docs/decisions/`) and a line here second. There is no sideways edge and no
//! crate for odds and ends.

use crate::members::Member;

/// A crate and the workspace crates that it may depend on.
const TABLE: &[(&str, &[&str])] = &[
    ("chaperone-domain", &[]),
    ("chaperone-ledger", &[]),
    ("chaperone-recording", &["chaperone-domain"]),
    ("chaperone-store", &["chaperone-domain", "chaperone-ledger"]),
    ("chaperone-connectors", &["chaperone-domain"]),
    (
        "chaperone-app",
        &[
            "chaperone-domain",
            "chaperone-ledger",
            "chaperone-recording",
            "chaperone-store",
            "chaperone-connectors",
        ],
    ),
    ("chaperone-gateway", &["chaperone-app", "chaperone-recording", "chaperone-domain"]),
    ("chaperone-api", &["chaperone-app", "chaperone-recording", "chaperone-domain"]),
    (
        "chaperone",
        &[
            "chaperone-domain",
            "chaperone-ledger",
            "chaperone-recording",
            "chaperone-store",
            "chaperone-connectors",
            "chaperone-app",
            "chaperone-gateway",
            "chaperone-api",
            "sample-erp",
        ],
    ),
    ("sample-erp", &[]),
    ("xtask", &[]),
];

/// What must stay out of a crate, so that "pure" stays a fact: the domain knows no async, SQL, HTTP or serde.
const BANNED: &[(&str, &[&str])] = &[
    ("chaperone-domain", &["axum", "http", "hyper", "sea-orm", "serde", "serde_json", "sqlx", "tokio"]),
    ("chaperone-ledger", &["axum", "http", "hyper", "sea-orm", "serde", "serde_json", "sqlx", "tokio"]),
    ("chaperone-store", &["axum", "http", "hyper"]),
    ("chaperone-app", &["axum", "http", "hyper", "sea-orm", "sqlx"]),
    ("chaperone-gateway", &["axum", "sea-orm", "sqlx"]),
    ("chaperone-api", &["sea-orm", "sqlx"]),
];

/// How high a crate stands.
fn height(name: &str) -> Option<usize> {
    TABLE.iter().position(|(known, _)| *known == name)
}

/// Every way in which these members break the table, as sentences.
pub(crate) fn broken_rules(members: &[Member]) -> Vec<String> {
    let mut broken = Vec::new();
    for member in members {
        let Some((_, allowed)) = TABLE.iter().find(|(name, _)| *name == member.name) else {
            broken.push(format!("{} is not in the layer table (xtask/src/layers.rs)", member.name));
            continue;
        };
        let banned =
            BANNED.iter().find(|(name, _)| *name == member.name).map_or(&[][..], |(_, banned)| banned);
        for dependency in &member.dependencies {
            let ours = TABLE.iter().any(|(name, _)| *name == dependency.name);
            // Tests may open the real thing below; what is shipped keeps to the table.
            let below = dependency.for_tests && height(&dependency.name) < height(&member.name);
            if ours && !below && !allowed.contains(&dependency.name.as_str()) {
                broken.push(format!("{} may not depend on {}", member.name, dependency.name));
            }
            // What only tests use does not make the crate less pure.
            if banned.contains(&dependency.name.as_str()) && !dependency.for_tests {
                broken.push(format!("{} must know nothing of {}", member.name, dependency.name));
            }
        }
    }
    for (name, _) in TABLE {
        if !members.iter().any(|member| member.name == *name) {
            broken.push(format!("{name} is in the layer table and not in the workspace"));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::Dependency;

    fn house() -> Vec<Member> {
        TABLE
            .iter()
            .map(|(name, allowed)| Member {
                name: (*name).to_owned(),
                dependencies: allowed.iter().map(|name| dependency(name, false)).collect(),
            })
            .collect()
    }

    fn dependency(name: &str, for_tests: bool) -> Dependency {
        Dependency { name: name.to_owned(), for_tests }
    }

    fn with(member: &str, more: Dependency) -> Vec<String> {
        let mut house = house();
        house.iter_mut().find(|one| one.name == member).unwrap().dependencies.push(more);
        broken_rules(&house)
    }

    #[test]
    fn the_house_as_drawn_breaks_no_rule() {
        assert_eq!(broken_rules(&house()), Vec::<String>::new());
    }

    #[test]
    fn an_edge_that_is_not_drawn_is_named() {
        let sideways = with("chaperone-gateway", dependency("chaperone-api", false));
        assert_eq!(sideways, ["chaperone-gateway may not depend on chaperone-api"]);
        let upwards = with("chaperone-domain", dependency("chaperone-app", false));
        assert_eq!(upwards, ["chaperone-domain may not depend on chaperone-app"]);
        let for_tests = with("chaperone-store", dependency("chaperone-app", true));
        assert_eq!(for_tests, ["chaperone-store may not depend on chaperone-app"]);
        let below = with("chaperone-gateway", dependency("chaperone-store", true));
        assert_eq!(below, Vec::<String>::new(), "tests open the real thing");
    }

    #[test]
    fn a_crate_stays_without_what_it_must_not_know() {
        assert_eq!(
            with("chaperone-domain", dependency("serde", false)),
            ["chaperone-domain must know nothing of serde"]
        );
        assert_eq!(with("chaperone-domain", dependency("serde_json", true)), Vec::<String>::new());
    }

    #[test]
    fn a_crate_that_nobody_drew_is_named_and_so_is_one_that_is_gone() {
        let mut house = house();
        house[0].name = "chaperone-common".to_owned();
        assert_eq!(
            broken_rules(&house),
            [
                "chaperone-common is not in the layer table (xtask/src/layers.rs)",
                "chaperone-domain is in the layer table and not in the workspace"
            ]
        );
    }

    #[test]
    fn nothing_is_drawn_in_a_circle() {
        for (position, (name, allowed)) in TABLE.iter().enumerate() {
            for used in *allowed {
                let below = TABLE.iter().position(|(other, _)| other == used).unwrap();
                assert!(below < position || *used == "sample-erp", "{name} stands above {used}");
            }
        }
    }
}
