//! One row per line of the edit table, and the corners between them.

use super::*;

const PATH: &str = "https://erp.test/.chaperone/";

fn ours() -> Ours {
    Ours { path: PATH.to_owned(), nonce: "OURS".to_owned() }
}

fn edit(policy: &str) -> Edited {
    edit_headers([policy].into_iter(), [].into_iter(), &ours())
}

struct Row {
    case: &'static str,
    before: &'static str,
    after: &'static str,
    nonce: Option<&'static str>,
}

const fn row(
    case: &'static str,
    before: &'static str,
    after: &'static str,
    nonce: Option<&'static str>,
) -> Row {
    Row { case, before, after, nonce }
}

const ROWS: &[Row] = &[
    // Scripts.
    row(
        "a nonce is used again",
        "script-src 'nonce-abc' 'self'; connect-src *",
        "script-src 'nonce-abc' 'self'; connect-src *",
        Some("abc"),
    ),
    row(
        "a hash gets our nonce beside it",
        "script-src 'sha256-AAAA='",
        "script-src 'sha256-AAAA=' 'nonce-OURS'",
        Some("OURS"),
    ),
    row(
        "strict-dynamic alone gets our nonce",
        "script-src 'strict-dynamic' https:",
        "script-src 'strict-dynamic' https: 'nonce-OURS'",
        Some("OURS"),
    ),
    row(
        "strict-dynamic with unsafe-inline for old browsers gets our nonce",
        "script-src 'strict-dynamic' 'unsafe-inline'",
        "script-src 'strict-dynamic' 'unsafe-inline' 'nonce-OURS'",
        Some("OURS"),
    ),
    row(
        "strict-dynamic with a nonce keeps the page's",
        "script-src 'strict-dynamic' 'nonce-page1'",
        "script-src 'strict-dynamic' 'nonce-page1'",
        Some("page1"),
    ),
    row(
        "unsafe-inline gets our path and no nonce",
        "script-src 'unsafe-inline'",
        "script-src 'unsafe-inline' https://erp.test/.chaperone/",
        None,
    ),
    row(
        "unsafe-inline beside a nonce is off already",
        "script-src 'unsafe-inline' 'nonce-p'",
        "script-src 'unsafe-inline' 'nonce-p'",
        Some("p"),
    ),
    row(
        "unsafe-inline beside a hash is off already",
        "script-src 'unsafe-inline' 'sha384-x'",
        "script-src 'unsafe-inline' 'sha384-x' 'nonce-OURS'",
        Some("OURS"),
    ),
    row(
        "hosts only get our path",
        "script-src https://cdn.test 'self'",
        "script-src https://cdn.test 'self' https://erp.test/.chaperone/",
        None,
    ),
    row("a scheme gets our path", "script-src data:", "script-src data: https://erp.test/.chaperone/", None),
    row("none becomes our nonce only", "script-src 'none'", "script-src 'nonce-OURS'", Some("OURS")),
    row("an empty list is none", "script-src", "script-src 'nonce-OURS'", Some("OURS")),
    row("none in any case is none", "script-src 'NONE'", "script-src 'nonce-OURS'", Some("OURS")),
    row(
        "none beside others does not count in browsers and is dropped",
        "script-src 'none' https://a.test",
        "script-src https://a.test https://erp.test/.chaperone/",
        None,
    ),
    row(
        "script-src-elem governs where it is there",
        "script-src 'none'; script-src-elem https://a.test",
        "script-src 'none'; script-src-elem https://a.test https://erp.test/.chaperone/",
        None,
    ),
    row(
        "names are read in any case",
        "SCRIPT-SRC 'Nonce-abc'",
        "script-src 'Nonce-abc' 'nonce-abc'",
        Some("abc"),
    ),
    // default-src stands in.
    row(
        "default-src self is made into script-src; uploads are allowed",
        "default-src 'self'",
        "default-src 'self'; script-src 'self' https://erp.test/.chaperone/",
        None,
    ),
    row(
        "default-src none is made into both",
        "default-src 'none'; style-src 'self'",
        "default-src 'none'; style-src 'self'; script-src 'nonce-OURS'; connect-src https://erp.test/.chaperone/",
        Some("OURS"),
    ),
    row(
        "default-src with a nonce",
        "default-src 'self' 'nonce-q'",
        "default-src 'self' 'nonce-q'; script-src 'self' 'nonce-q'",
        Some("q"),
    ),
    row(
        "default-src with unsafe-inline",
        "default-src 'unsafe-inline' https:",
        "default-src 'unsafe-inline' https:; script-src 'unsafe-inline' https: https://erp.test/.chaperone/; connect-src 'unsafe-inline' https: https://erp.test/.chaperone/",
        None,
    ),
    // Uploads.
    row(
        "connect-src without us gets our path",
        "connect-src https://api.test",
        "connect-src https://api.test https://erp.test/.chaperone/",
        None,
    ),
    row(
        "connect-src none becomes our path",
        "connect-src 'none'",
        "connect-src https://erp.test/.chaperone/",
        None,
    ),
    row(
        "an empty connect-src becomes our path",
        "connect-src",
        "connect-src https://erp.test/.chaperone/",
        None,
    ),
    row("connect-src self stays", "connect-src 'SELF'", "connect-src 'SELF'", None),
    row("connect-src star stays", "connect-src *", "connect-src *", None),
    row(
        "connect-src governs before default-src",
        "default-src *; connect-src 'none'",
        "default-src *; connect-src https://erp.test/.chaperone/; script-src * https://erp.test/.chaperone/",
        None,
    ),
    // Untouched.
    row("workers stay", "worker-src 'none'; child-src 'none'", "worker-src 'none'; child-src 'none'", None),
    row(
        "trusted types stay",
        "require-trusted-types-for 'script'; trusted-types a b",
        "require-trusted-types-for 'script'; trusted-types a b",
        None,
    ),
    row(
        "other directives stay",
        "frame-ancestors 'none'; upgrade-insecure-requests",
        "frame-ancestors 'none'; upgrade-insecure-requests",
        None,
    ),
    row(
        "of two directives of one name the first counts",
        "script-src 'none'; script-src *",
        "script-src 'nonce-OURS'; script-src *",
        Some("OURS"),
    ),
    row("an empty policy stays empty", "", "", None),
    row(
        "stray semicolons and white space",
        " ;; script-src   a.test ; ",
        "script-src a.test https://erp.test/.chaperone/",
        None,
    ),
    row(
        "a nonce that would break out of our tag is not used",
        "script-src 'nonce-\"><script>'",
        "script-src 'nonce-\"><script>' 'nonce-OURS'",
        Some("OURS"),
    ),
];

#[test]
fn every_row_of_the_table() {
    for Row { case, before, after, nonce } in ROWS {
        let edited = edit(before);
        assert_eq!(edited.enforced, [*after], "{case}");
        assert_eq!(edited.tag_nonce.as_deref(), *nonce, "{case}");
    }
}

#[test]
fn editing_twice_is_editing_once() {
    for Row { case, after, .. } in ROWS {
        let again = edit(after);
        // A nonce in other letters of the keyword is the one thing that is written anew, once.
        assert_eq!(again.enforced, [*after], "{case}");
    }
}

#[test]
fn several_policies_apply_together_and_share_one_nonce() {
    let edited = edit_headers(
        ["script-src 'nonce-one', script-src 'self'", "script-src 'nonce-two'"].into_iter(),
        ["default-src 'none'"].into_iter(),
        &ours(),
    );
    assert_eq!(
        edited.enforced,
        [
            "script-src 'nonce-one', script-src 'self' https://erp.test/.chaperone/",
            "script-src 'nonce-two' 'nonce-one'"
        ]
    );
    assert_eq!(
        edited.report_only,
        ["default-src 'none'; script-src 'nonce-one'; connect-src https://erp.test/.chaperone/"]
    );
    assert_eq!(edited.tag_nonce.as_deref(), Some("one"));
}

#[test]
fn a_report_only_policy_is_edited_too() {
    let edited = edit_headers([].into_iter(), ["script-src 'self'"].into_iter(), &ours());
    assert_eq!(edited.report_only, ["script-src 'self' https://erp.test/.chaperone/"]);
    assert_eq!(edited.enforced, [""; 0]);
}

#[test]
fn a_sandbox_says_whether_a_page_can_be_recorded() {
    for (policy, recordable) in [
        ("default-src 'self'", Recordable::Yes),
        ("sandbox", Recordable::NoScripts),
        ("sandbox allow-forms", Recordable::NoScripts),
        ("sandbox allow-scripts", Recordable::OpaqueOrigin),
        ("sandbox Allow-Scripts allow-same-origin", Recordable::Yes),
        ("sandbox allow-scripts, sandbox allow-forms", Recordable::NoScripts),
    ] {
        assert_eq!(edit(policy).recordable, recordable, "{policy}");
    }
    let watched = edit_headers([].into_iter(), ["sandbox"].into_iter(), &ours());
    assert_eq!(watched.recordable, Recordable::Yes, "a report-only sandbox does nothing");
}

#[test]
fn a_policy_in_meta_is_edited_for_uploads_only() {
    assert_eq!(
        edit_meta("default-src 'none'; script-src 'nonce-a'", PATH),
        "default-src 'none'; script-src 'nonce-a'; connect-src https://erp.test/.chaperone/"
    );
    assert_eq!(edit_meta("script-src 'self'", PATH), "script-src 'self'");
}
