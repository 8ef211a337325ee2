//! The corpus: whatever the document looks like and wherever it is cut, the tag is in once, before everything that
//! runs, and everything else is as it was.

use super::*;
use encoding_rs::{EUC_JP, SHIFT_JIS, UTF_8, UTF_16LE, WINDOWS_1252};

const PATH: &str = "https://erp.test/.chaperone/";

fn push(injector: &mut HtmlInjector, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), InjectError> {
    let taken = injector.push_head(bytes, out)?;
    out.extend_from_slice(&bytes[taken..]);
    Ok(())
}

fn tag() -> Tag {
    Tag {
        source: "/.chaperone/0123456789abcdef/recorder.js".to_owned(),
        token: "A".repeat(64),
        nonce: None,
        blocked: "/.chaperone/blocked",
    }
}

fn inject(pieces: &[&[u8]], encoding: &'static Encoding) -> Result<Vec<u8>, InjectError> {
    let mut injector = HtmlInjector::new(&tag(), PATH, encoding)?;
    let mut out = Vec::new();
    for piece in pieces {
        push(&mut injector, piece, &mut out)?;
    }
    injector.finish(&mut out)?;
    assert!(injector.injected());
    Ok(out)
}

/// `@` marks the place of the tag.
const CORPUS: &[&str] = &[
    "@",
    "plain words@",
    "<!doctype html><html><head>@<title>T</title></head><body><p>x</body></html>",
    "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">\n<HTML>\n<HEAD profile=\"a>b\">@<META http-equiv=x content=y></HEAD><BODY>",
    "\u{FEFF}<!doctype html><!-- <script>1</script> --><html lang=de><head>@<script>1</script>",
    "<html>@<body>no head</body></html>",
    "<html>@<script>first()</script>",
    "@<script>no html</script>",
    "@<p>fragment",
    "text @<b>then</b> markup",
    "<html><head>@</head><frameset cols='1,1'><frame src=a><frame src=b></frameset></html>",
    "<html>@<frameset><frame></frameset>",
    "@<title><script>not a script</script></title><script>1</script>",
    "<!-- a comment > with -- things <html> --!><html><head>@<x-app></x-app>",
    "<![CDATA[ <script>x</script> ]]>@<b>",
    "<?php echo '?>@<script>1</script>",
    "<html><head>@<template><div><p></template><meta charset=utf-8><style>a{}</style></head><body><div>",
    "<html><head>@<noscript><link href=a><div></noscript><base href=/x/></head><body>",
    "<html><head>@<script>document.write('<body><meta http-equiv=Content-Security-Policy>')</script><title>t</title></head>",
    "<html\n>\n<head\t>@<body></body></head>",
    "</p></div>@<i>",
    "<html><head/>@<title>x</title>",
    "<html><head>@<title>Zürich \u{1F600}</title><body>漢字 < & < a",
    "<html><head>@<title>t</title></head><body><select><div></select><textarea></body>",
    "<html><head>@</head><body><di",
    "<html><head>@<tit",
];

#[test]
fn the_tag_is_first_and_nothing_else_changes_wherever_the_document_is_cut() {
    for case in CORPUS {
        let before = case.replace('@', "");
        let after = case.replace('@', &tag().html());
        for cut in 0..=before.len() {
            let (start, end) = before.as_bytes().split_at(cut);
            let out = inject(&[start, end], UTF_8).unwrap_or_else(|error| panic!("{case}: {error}"));
            assert_eq!(String::from_utf8_lossy(&out), after, "{case} cut at {cut}");
        }
        let single: Vec<&[u8]> = before.as_bytes().chunks(1).collect();
        let out = inject(&single, UTF_8).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(String::from_utf8_lossy(&out), after, "{case} byte by byte");
    }
}

#[test]
fn a_huge_head_passes_and_a_huge_tag_is_refused() {
    let head = format!("<html><head><script>{}</script>", "x".repeat(5_000_000));
    let out = inject(&[head.as_bytes(), b"<body>"], UTF_8).expect("streams");
    assert_eq!(out.len(), head.len() + "<body>".len() + tag().html().len());
    let endless = format!("<html><head><meta content=\"{}", "x".repeat(REWRITER_MEMORY_BYTES + 1));
    assert_eq!(inject(&[endless.as_bytes()], UTF_8), Err(InjectError::TooLarge));
}

#[test]
fn the_head_is_over_at_the_first_element_of_the_body() {
    let mut injector = HtmlInjector::new(&tag(), PATH, UTF_8).expect("UTF-8");
    let mut out = Vec::new();
    push(&mut injector, b"<html><head><title>x</title><link></head>", &mut out).expect("fine");
    assert!(injector.injected() && !injector.passes());
    push(&mut injector, b"<body>", &mut out).expect("fine");
    assert!(injector.passes());
    // Behind the head even what the rewriter calls ambiguous passes as it is.
    push(&mut injector, b"<select><xmp><script></xmp>", &mut out).expect("is not looked at");
    assert!(out.ends_with(b"<select><xmp><script></xmp>"));
}

#[test]
fn ambiguous_markup_in_a_head_is_refused() {
    let ambiguous =
        b"<html><head><template><select><xmp><script>\"use strict\";</script></xmp></select></template>";
    assert_eq!(inject(&[ambiguous], UTF_8), Err(InjectError::Ambiguous));
}

#[test]
fn policies_in_meta_are_edited_for_uploads_in_the_head_only() {
    let page = |policy: &str| {
        format!("<html><head><meta HTTP-EQUIV=\"Content-Security-Policy\" content=\"{policy}\"></head>")
    };
    for (before, after) in [
        ("default-src 'none'", "default-src 'none'; connect-src https://erp.test/.chaperone/"),
        ("default-src &#39;none&#39;", "default-src 'none'; connect-src https://erp.test/.chaperone/"),
        (
            "default-src &#x27;none&#X27;&semi;img-src a?b=1&amp;c",
            "default-src 'none'; img-src a?b=1&amp;c; connect-src https://erp.test/.chaperone/",
        ),
        ("default-src 'self'", "default-src 'self'"),
    ] {
        let out = inject(&[page(before).as_bytes()], UTF_8).expect("fine");
        let out = String::from_utf8(out).expect("is UTF-8");
        assert!(out.contains(&format!("content=\"{after}\"")), "{out}");
    }
    let in_body = "<html><body><meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\">";
    let out = inject(&[&in_body.as_bytes()[..12], &in_body.as_bytes()[12..]], UTF_8).expect("fine");
    assert!(out.ends_with(&in_body.as_bytes()[12..]), "a policy in the body does not count and stays");
}

#[test]
fn other_encodings_keep_their_bytes() {
    for (encoding, text) in [(SHIFT_JIS, "表示ソ"), (EUC_JP, "漢字"), (WINDOWS_1252, "Zürich")] {
        let page = format!("<html><head><title>{text}</title></head><body>{text}");
        let (bytes, ..) = encoding.encode(&page);
        for cut in 0..=bytes.len() {
            let out = inject(&[&bytes[..cut], &bytes[cut..]], encoding).expect("contains ASCII");
            let (decoded, ..) = encoding.decode(&out);
            assert_eq!(decoded, page.replace("<head>", &format!("<head>{}", tag().html())));
        }
    }
    assert_eq!(inject(&[b"<p>"], UTF_16LE), Err(InjectError::Encoding));
}

#[test]
fn the_tag_is_under_300_bytes_even_with_a_nonce() {
    let tag = Tag { nonce: Some("A".repeat(24)), ..tag() };
    assert!(tag.html().len() < 300, "{} bytes", tag.html().len());
    assert!(tag.html().contains(" nonce=\"AAAA") && tag.xml().contains(" nonce=\"AAAA"));
}
