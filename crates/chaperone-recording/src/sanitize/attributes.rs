//! Attributes: nothing that runs, leads away, or is fetched from anywhere but the recording.

use serde_json::{Map, Value};

use super::{AddressOf, css, shown};

/// What an element is, as far as its attributes are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    /// It holds a page of its own.
    pub(super) frame: bool,
    /// Its `href` is something to show, not something to follow.
    pub(super) shows: bool,
    /// Its text is a style sheet.
    pub(super) style: bool,
    /// It is a text of a `style` element.
    pub(super) style_text: bool,
}

impl Kind {
    /// Of an element of this name, in small letters.
    pub(super) fn of(tag: &str) -> Self {
        Self {
            frame: tag == "iframe",
            shows: matches!(tag, "link" | "image" | "feimage"),
            // rrweb shows a `link` of which it has the text as a `style`.
            style: matches!(tag, "style" | "link"),
            style_text: false,
        }
    }

    /// Whether there is anything to remember.
    pub(super) fn is_special(self) -> bool {
        self != Self::default()
    }

    /// Both: an id that was used twice is whatever it was once.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            frame: self.frame || other.frame,
            shows: self.shows || other.shows,
            style: self.style || other.style,
            style_text: self.style_text || other.style_text,
        }
    }
}

/// Attributes that only lead away, run or confuse.
const DROPPED: [&str; 23] = [
    "action",
    "allow",
    "archive",
    "autofocus",
    "autoplay",
    "classid",
    "codebase",
    "content",
    "crossorigin",
    "download",
    "formaction",
    "formtarget",
    "http-equiv",
    "imagesrcset",
    "integrity",
    "is",
    "manifest",
    "nonce",
    "ping",
    "srcdoc",
    "srcset",
    "target",
    "xml:base",
];
/// Attributes that hold the address of something to show.
const ADDRESSES: [&str; 5] = ["src", "poster", "background", "data", "rr_src"];
/// Attributes that are styles under another name.
const STYLES: [&str; 11] = [
    "clip-path",
    "cursor",
    "fill",
    "filter",
    "marker",
    "marker-end",
    "marker-mid",
    "marker-start",
    "mask",
    "offset-path",
    "stroke",
];
/// How rrweb marks where the text of a `style` element goes on in its next text node.
const SPLIT: &str = "/* rr_split */";

/// Makes attributes harmless.
pub(super) fn sanitize(attributes: &mut Map<String, Value>, kind: Kind, address_of: &AddressOf<'_>) {
    attributes.retain(|name, value| keep(&name.to_ascii_lowercase(), value, kind, address_of));
}

/// Whether the attribute stays; its value becomes harmless.
fn keep(name: &str, value: &mut Value, kind: Kind, address_of: &AddressOf<'_>) -> bool {
    let plain = !name.is_empty()
        && !name.contains(['<', '>', '"', '\'', '/', '='])
        && !name.contains(char::is_whitespace);
    if !plain || name.starts_with("on") || DROPPED.contains(&name) {
        return false;
    }
    if let (Value::Object(properties), "style") = (&mut *value, name) {
        properties.values_mut().for_each(|property| declaration(property, address_of));
        return true;
    }
    let text = match value {
        // An attribute that was taken away is told as null.
        Value::Null | Value::Bool(_) | Value::Number(_) => return true,
        // A browser would make a text of it.
        Value::Array(_) | Value::Object(_) => return false,
        Value::String(text) => text,
    };
    match name {
        "href" | "xlink:href" => {
            let address = text.trim();
            if !address.starts_with('#') {
                // A link shows that it is one, and leads nowhere.
                *text = if kind.shows { shown(address, address_of) } else { None }
                    .unwrap_or_else(|| "#".to_owned());
            }
            true
        }
        "src" | "rr_src" if kind.frame => false,
        "rr_dataurl" => super::is_picture(text),
        "style" => {
            *text = css::sanitize(text, address_of);
            true
        }
        "_csstext" => {
            let pieces: Vec<String> =
                text.split(SPLIT).map(|piece| css::sanitize_piece(piece, address_of)).collect();
            *text = pieces.join(SPLIT);
            true
        }
        // An animation sets attributes of other elements.
        "attributename" => {
            let set = text.trim().to_ascii_lowercase();
            !(set.ends_with("href") || set.starts_with("on") || ADDRESSES.contains(&set.as_str()))
        }
        name if ADDRESSES.contains(&name) => match shown(text, address_of) {
            Some(address) => {
                *text = address;
                true
            }
            None => false,
        },
        name if STYLES.contains(&name) => {
            *text = css::sanitize(text, address_of);
            true
        }
        _ => !runs(text),
    }
}

/// Makes one property of a changed style harmless: its value, or its value and priority.
fn declaration(property: &mut Value, address_of: &AddressOf<'_>) {
    let clean = |value: &mut Value| match value {
        Value::String(text) => *text = css::sanitize(text, address_of),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::Array(_) | Value::Object(_) => *value = Value::from(""),
    };
    match property {
        Value::Array(parts) => parts.iter_mut().for_each(clean),
        other => clean(other),
    }
}

/// Whether an address runs something when it is followed.
fn runs(address: &str) -> bool {
    let scheme: String =
        address.chars().filter(|c| !c.is_whitespace() && !c.is_control()).take(16).collect::<String>();
    let scheme = scheme.to_ascii_lowercase();
    ["javascript:", "vbscript:", "livescript:", "data:text/html"].iter().any(|bad| scheme.starts_with(bad))
}
