//! Content-Security-Policy: edited so that the recorder runs and reaches us; never removed, never loosened for
//! anything else.
//!
//! A page may have several policies (several headers, lists with commas, `<meta>`), and all of them apply together,
//! so each is edited for itself. The recorder needs two things: its one `<script src>` must be allowed, and its
//! uploads to `/.chaperone/` must be. Rules per policy:
//!
//! | the directive that governs scripts | edit |
//! | --- | --- |
//! | has a nonce, a hash or `'strict-dynamic'` | the page's own nonce is used again, else ours is added |
//! | has `'unsafe-inline'` without those | our path as a source: a nonce would switch `'unsafe-inline'` off |
//! | lists hosts or schemes only | our path as a source |
//! | is `'none'` or empty | our nonce alone |
//! | is absent, `default-src` stands in | `script-src` is made from it, then edited |
//! | neither is there | nothing |
//!
//! | the directive that governs uploads | edit |
//! | --- | --- |
//! | allows us (`'self'`, `*`) | nothing |
//! | does not | our path as a source; `'none'` is replaced by it; made from `default-src` where that stands in |
//!
//! `worker-src`, `child-src`, `require-trusted-types-for` and all others stay as they are. A policy in `<meta>`
//! counts from where it stands, and our script stands before it and has run: only its uploads are edited.

use std::borrow::Cow;

/// What is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// Our reserved path on the page's own origin, with a slash at the end: `https://erp.example.org/.chaperone/`.
    pub path: String,
    /// A nonce for this document, base64.
    pub nonce: String,
}

/// Whether a page under these policies can be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recordable {
    /// It can.
    Yes,
    /// Its origin is opaque (`sandbox allow-scripts`): uploads are cross-origin and carry no cookie.
    OpaqueOrigin,
    /// It runs no scripts (`sandbox` without `allow-scripts`): the gateway's own record is all there is.
    NoScripts,
}

/// What becomes of a page's policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The values of `Content-Security-Policy`, edited, in order.
    pub enforced: Vec<String>,
    /// The values of `Content-Security-Policy-Report-Only`, edited, in order.
    pub report_only: Vec<String>,
    /// The nonce that our tag must carry, if any policy asks for one.
    pub tag_nonce: Option<String>,
    /// Whether the page can be recorded.
    pub recordable: Recordable,
}

/// Edits the policies of an answer's headers.
pub fn edit_headers<'a>(
    enforced: impl Iterator<Item = &'a str> + Clone,
    report_only: impl Iterator<Item = &'a str> + Clone,
    ours: &Ours,
) -> Edited {
    let nonce = (enforced.clone().chain(report_only.clone()))
        .flat_map(|value| value.split(','))
        .find_map(|policy| Policy::parse(policy).script_nonce())
        .unwrap_or_else(|| ours.nonce.clone());
    let ours = Ours { path: ours.path.clone(), nonce };
    let mut tag_nonce = None;
    let mut edit = |value: &str| {
        let policies = value.split(',').map(|policy| {
            let mut policy = Policy::parse(policy);
            if policy.allow_script(&ours) {
                tag_nonce = Some(ours.nonce.clone());
            }
            policy.allow_upload(&ours.path);
            policy.to_string()
        });
        policies.collect::<Vec<_>>().join(", ")
    };
    let edited_enforced = enforced.clone().map(&mut edit).collect();
    let edited_report_only = report_only.map(&mut edit).collect();
    let recordable = enforced
        .flat_map(|value| value.split(','))
        .map(|policy| Policy::parse(policy).recordable())
        .max()
        .unwrap_or(Recordable::Yes);
    Edited { enforced: edited_enforced, report_only: edited_report_only, tag_nonce, recordable }
}

/// Edits the policy of a `<meta http-equiv="Content-Security-Policy">`.
pub fn edit_meta(content: &str, path: &str) -> String {
    let policies = content.split(',').map(|policy| {
        let mut policy = Policy::parse(policy);
        policy.allow_upload(path);
        policy.to_string()
    });
    policies.collect::<Vec<_>>().join(", ")
}

/// One directive: its name in lower case, and its sources as they are written.
struct Directive<'a> {
    name: Cow<'a, str>,
    sources: Vec<Cow<'a, str>>,
}

/// One policy; of directives with the same name only the first counts, and the others are kept as they are.
struct Policy<'a> {
    directives: Vec<Directive<'a>>,
}

/// Names of directives that govern a `<script src>`, nearest first.
const SCRIPT_DIRECTIVES: [&str; 3] = ["script-src-elem", "script-src", DEFAULT_DIRECTIVE];
/// Names of directives that govern `fetch`, nearest first.
const UPLOAD_DIRECTIVES: [&str; 2] = ["connect-src", DEFAULT_DIRECTIVE];
const DEFAULT_DIRECTIVE: &str = "default-src";
const NONE: &str = "'none'";

impl<'a> Policy<'a> {
    fn parse(text: &'a str) -> Self {
        let directives = text.split(';').filter_map(|directive| {
            let mut words = directive.split_ascii_whitespace();
            let name = words.next()?.to_ascii_lowercase();
            Some(Directive { name: Cow::Owned(name), sources: words.map(Cow::Borrowed).collect() })
        });
        Self { directives: directives.collect() }
    }

    fn position(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.directives.iter().position(|directive| directive.name == *name))
    }

    fn script_nonce(&self) -> Option<String> {
        let governing = &self.directives[self.position(&SCRIPT_DIRECTIVES)?];
        governing.sources.iter().find_map(|source| {
            let nonce = strip_keyword(source, "nonce-")?;
            is_nonce(nonce).then(|| nonce.to_owned())
        })
    }

    fn recordable(&self) -> Recordable {
        let Some(at) = self.position(&["sandbox"]) else { return Recordable::Yes };
        let has =
            |flag: &str| self.directives[at].sources.iter().any(|source| source.eq_ignore_ascii_case(flag));
        match (has("allow-scripts"), has("allow-same-origin")) {
            (false, _) => Recordable::NoScripts,
            (true, false) => Recordable::OpaqueOrigin,
            (true, true) => Recordable::Yes,
        }
    }

    /// The directive to edit: the nearest one, made from `default-src` where only that is there.
    fn own(&mut self, names: &[&'static str]) -> Option<&mut Directive<'a>> {
        let at = self.position(names)?;
        if self.directives[at].name != DEFAULT_DIRECTIVE {
            return self.directives.get_mut(at);
        }
        // The last name before `default-src` is the one that every browser knows.
        let name = names.get(names.len().checked_sub(2)?)?;
        let made = Directive { name: Cow::Borrowed(name), sources: self.directives[at].sources.clone() };
        self.directives.push(made);
        self.directives.last_mut()
    }

    /// Lets our script in; answers whether its tag needs the nonce.
    fn allow_script(&mut self, ours: &Ours) -> bool {
        let Some(directive) = self.own(&SCRIPT_DIRECTIVES) else { return false };
        let nonce = format!("'nonce-{}'", ours.nonce);
        if directive.is_none() {
            directive.sources = vec![Cow::Owned(nonce)];
            return true;
        }
        if directive.is_strict() {
            if !directive.sources.iter().any(|source| *source == nonce) {
                directive.sources.push(Cow::Owned(nonce));
            }
            return true;
        }
        directive.add(&ours.path);
        false
    }

    fn allow_upload(&mut self, path: &str) {
        let allowed = |source: &Cow<'_, str>| source.eq_ignore_ascii_case("'self'") || source == "*";
        match self.position(&UPLOAD_DIRECTIVES) {
            Some(at) if !self.directives[at].sources.iter().any(allowed) => {
                if let Some(directive) = self.own(&UPLOAD_DIRECTIVES) {
                    directive.add(path);
                }
            }
            _ => {}
        }
    }
}

impl std::fmt::Display for Policy<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, directive) in self.directives.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            f.write_str(&directive.name)?;
            for source in &directive.sources {
                write!(f, " {source}")?;
            }
        }
        Ok(())
    }
}

impl Directive<'_> {
    /// Nothing is allowed: no source at all, or `'none'` alone.
    fn is_none(&self) -> bool {
        self.sources.iter().all(|source| source.eq_ignore_ascii_case(NONE))
    }

    /// A nonce, a hash or `'strict-dynamic'` decides, and hosts and `'unsafe-inline'` may not count.
    fn is_strict(&self) -> bool {
        self.sources.iter().any(|source| {
            source.eq_ignore_ascii_case("'strict-dynamic'")
                || ["nonce-", "sha256-", "sha384-", "sha512-"]
                    .iter()
                    .any(|keyword| strip_keyword(source, keyword).is_some())
        })
    }

    fn add(&mut self, path: &str) {
        self.sources.retain(|source| !source.eq_ignore_ascii_case(NONE));
        if !self.sources.iter().any(|source| source == path) {
            self.sources.push(Cow::Owned(path.to_owned()));
        }
    }
}

/// What follows a keyword in a quoted source such as `'nonce-abc'`.
fn strip_keyword<'s>(source: &'s str, keyword: &str) -> Option<&'s str> {
    let inner = source.strip_prefix('\'')?.strip_suffix('\'')?;
    let (head, tail) = inner.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword).then_some(tail)
}

/// Whether a page's nonce can be written into our tag as it is.
fn is_nonce(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'='))
}

#[cfg(test)]
#[path = "csp_tests.rs"]
mod tests;
