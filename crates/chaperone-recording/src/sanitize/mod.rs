//! Makes events harmless before they are shown: a recorded page is hostile input.
//!
//! What is shown runs in a frame of its own origin whose policy allows no script of the page and no connection; this
//! is the layer before. Nothing stays that runs (scripts, handlers, `javascript:`), leads away (links, forms, frames,
//! refreshes) or is fetched from anywhere but the recording itself: an address of a picture or a font becomes the
//! address that `address_of` gives for it, or goes.
//!
//! A later event changes an earlier element by its number only. So the events of one document go through one
//! [`Sanitizer`], in order, which remembers the elements for which more than the general rules hold.

mod attributes;
mod css;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use attributes::Kind;

/// Gives the address under which a recorded asset can be had, for its original address.
pub type AddressOf<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// rrweb's kinds of events that are shown.
const FULL_SNAPSHOT: u64 = 2;
const INCREMENTAL: u64 = 3;
const META: u64 = 4;
/// Kinds without content.
const LOADED: [u64; 2] = [0, 1];
/// The kind of what is not shown: an event of nobody.
const CUSTOM: u64 = 5;

/// rrweb's sources of incremental events that carry content of the page.
const MUTATION: u64 = 0;
const STYLE_SHEET_RULE: u64 = 8;
const STYLE_DECLARATION: u64 = 13;
const ADOPTED_STYLE_SHEET: u64 = 15;
/// Sources that carry nothing but places, sizes and the user's own entries: moves, clicks, scrolls, window sizes,
/// inputs, touches, media, drags, selections.
const PLAIN: [u64; 9] = [1, 2, 3, 4, 5, 6, 7, 12, 14];

/// Elements that are replaced with an empty one.
const REPLACED: [&str; 13] = [
    "script",
    "noscript",
    "object",
    "embed",
    "applet",
    "portal",
    "frame",
    "frameset",
    "template",
    "fencedframe",
    "math",
    "base",
    "meta",
];
/// Longest name of an element, in bytes.
const TAG_MAX_BYTES: usize = 64;
/// Longest data address that is kept, in bytes.
const DATA_ADDRESS_MAX_BYTES: usize = 4 * 1024 * 1024;

/// The event that stands where another one is not shown, so that order and times of the others stay.
pub(crate) fn left_out(timestamp: &Value) -> Value {
    json!({"type": CUSTOM, "timestamp": timestamp, "data": {"tag": "left-out", "payload": {}}})
}

/// Makes the events of one document harmless, in their order.
pub struct Sanitizer<'a> {
    address_of: &'a AddressOf<'a>,
    special: HashMap<i64, Kind>,
}

impl<'a> Sanitizer<'a> {
    /// For a document of which nothing has been shown yet.
    pub fn new(address_of: &'a AddressOf<'a>) -> Self {
        Self { address_of, special: HashMap::new() }
    }

    /// Makes the next event harmless.
    pub fn event(&mut self, event: &mut Value) {
        let shown = match event.get("type").and_then(Value::as_u64) {
            Some(kind) if LOADED.contains(&kind) => {
                event["data"] = Value::Object(Map::new());
                true
            }
            Some(META) => {
                meta(event);
                true
            }
            Some(FULL_SNAPSHOT) => {
                event.pointer_mut("/data/node").map(|node| self.tree(node, false)).is_some()
            }
            Some(INCREMENTAL) => event.get_mut("data").is_some_and(|data| self.incremental(data)),
            _ => false,
        };
        if !shown {
            *event = left_out(event.get("timestamp").unwrap_or(&Value::Null));
        }
    }

    fn incremental(&mut self, data: &mut Value) -> bool {
        let address_of = self.address_of;
        match data.get("source").and_then(Value::as_u64) {
            Some(MUTATION) => self.mutation(data),
            Some(STYLE_SHEET_RULE) => {
                items(data, "adds").for_each(|rule| style_at(rule, "rule", address_of));
                ["replace", "replaceSync"].iter().for_each(|name| style_at(data, name, address_of));
            }
            Some(STYLE_DECLARATION) => {
                if let Some(set) = data.get_mut("set") {
                    style_at(set, "value", address_of);
                }
            }
            Some(ADOPTED_STYLE_SHEET) => {
                for style in items(data, "styles") {
                    items(style, "rules").for_each(|rule| style_at(rule, "rule", address_of));
                }
            }
            // Drawing commands and fonts are programs and files of the page; what is not known is not shown.
            Some(source) => return PLAIN.contains(&source),
            None => return false,
        }
        true
    }

    fn mutation(&mut self, data: &mut Value) {
        for add in items(data, "adds") {
            let parent = add.get("parentId").map(|id| self.kind(id)).unwrap_or_default();
            if let Some(node) = add.get_mut("node") {
                self.tree(node, parent.style);
            }
        }
        for change in items(data, "attributes") {
            let kind = change
                .get("id")
                .and_then(number)
                .map(|id| self.special.get(&id).copied().unwrap_or_default());
            match (kind, change.get_mut("attributes")) {
                (Some(kind), Some(Value::Object(fields))) => {
                    attributes::sanitize(fields, kind, self.address_of)
                }
                // Whose attributes these are cannot be told.
                (_, Some(other)) => *other = Value::Object(Map::new()),
                (_, None) => {}
            }
        }
        for text in items(data, "texts") {
            if text.get("id").map(|id| self.kind(id)).unwrap_or_default().style_text {
                style_at(text, "value", self.address_of);
                if let Some(Value::String(css)) = text.get_mut("value") {
                    css.push('\n');
                }
            } else {
                plain_at(text, "value");
            }
        }
    }

    /// What is remembered of the element with this number; everything, when it is none.
    fn kind(&self, id: &Value) -> Kind {
        let everything = Kind { frame: true, shows: false, style: true, style_text: true };
        number(id).map_or(everything, |id| self.special.get(&id).copied().unwrap_or_default())
    }

    fn remember(&mut self, fields: &Map<String, Value>, kind: Kind) {
        if kind.is_special()
            && let Some(id) = fields.get("id").and_then(number)
        {
            let known = self.special.entry(id).or_default();
            *known = known.and(kind);
        }
    }

    /// Makes a node and everything below it harmless, without recursion: a page may nest as deep as it likes.
    fn tree(&mut self, root: &mut Value, in_style: bool) {
        let mut waiting = vec![(root, in_style)];
        while let Some((node, in_style)) = waiting.pop() {
            let Value::Object(fields) = node else { continue };
            let mut is_style = false;
            if fields.contains_key("tagName") {
                is_style = self.element(fields);
            } else if in_style || fields.get("isStyle").and_then(Value::as_bool).unwrap_or(false) {
                self.style_text(fields);
            } else {
                for name in ["textContent", "name", "publicId", "systemId"] {
                    plain(fields, name);
                }
            }
            if let Some(Value::Array(children)) = fields.get_mut("childNodes") {
                waiting.extend(children.iter_mut().map(|child| (child, is_style)));
            }
        }
    }

    /// Makes an element harmless; whether the texts in it are style sheets.
    fn element(&mut self, fields: &mut Map<String, Value>) -> bool {
        let tag = fields.get("tagName").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        if !may_stay(&tag) {
            // Its number stays, so that later events find it; it takes no room, and its content goes.
            fields.insert("tagName".to_owned(), Value::from("div"));
            fields.insert("attributes".to_owned(), json!({"hidden": ""}));
            fields.insert("childNodes".to_owned(), Value::Array(Vec::new()));
            return false;
        }
        let kind = Kind::of(&tag);
        self.remember(fields, kind);
        match fields.get_mut("attributes") {
            Some(Value::Object(known)) => attributes::sanitize(known, kind, self.address_of),
            _ => {
                fields.insert("attributes".to_owned(), Value::Object(Map::new()));
            }
        }
        kind.style
    }

    /// Makes a text of a `style` element harmless, and remembers that it is one.
    fn style_text(&mut self, fields: &mut Map<String, Value>) {
        let text = Kind { style_text: true, ..Kind::default() };
        self.remember(fields, text);
        if let Some(value) = fields.get_mut("textContent") {
            let clean = css::sanitize_piece(value.as_str().unwrap_or_default(), self.address_of);
            *value = Value::from(clean);
        }
    }
}

/// Whether an element of this name, in small letters, may be shown as what it is.
fn may_stay(tag: &str) -> bool {
    let plain = !tag.is_empty()
        && tag.len() <= TAG_MAX_BYTES
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || "-_:.".contains(c));
    // A name with a prefix is, in pictures, the element behind it.
    let local = tag.rsplit(':').next().unwrap_or_default();
    plain
        && !REPLACED.contains(&tag)
        && !REPLACED.contains(&local)
        && (local == tag || !matches!(local, "iframe" | "style"))
}

/// The number of a node, as a browser reads it.
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers that a browser can count")]
fn number(id: &Value) -> Option<i64> {
    const COUNTABLE: f64 = 9_007_199_254_740_992.0;
    let id = id.as_f64()?;
    (id.fract() == 0.0 && id.abs() < COUNTABLE).then_some(id as i64)
}

/// Of the page's address and size only these stay.
fn meta(event: &mut Value) {
    let size = |name: &str| event["data"][name].as_f64().unwrap_or(0.0);
    let data = json!({"href": "about:blank", "width": size("width"), "height": size("height")});
    event["data"] = data;
}

fn items<'v>(value: &'v mut Value, name: &str) -> impl Iterator<Item = &'v mut Value> {
    value.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

fn style_at(value: &mut Value, name: &str, address_of: &AddressOf<'_>) {
    plain_at(value, name);
    if let Some(Value::String(text)) = value.get_mut(name) {
        *text = css::sanitize(text, address_of);
    }
}

fn plain_at(value: &mut Value, name: &str) {
    if let Value::Object(fields) = value {
        plain(fields, name);
    }
}

/// A list or an object where a text belongs would become a text that nobody has looked at.
fn plain(fields: &mut Map<String, Value>, name: &str) {
    if let Some(value) = fields.get_mut(name)
        && (value.is_array() || value.is_object())
    {
        *value = Value::from("");
    }
}

/// Whether a data address begins like this, and is not too long.
fn is_data(address: &str, kinds: &[&str]) -> bool {
    let head: String = address.chars().take(40).collect::<String>().to_ascii_lowercase();
    address.len() <= DATA_ADDRESS_MAX_BYTES
        && head.strip_prefix("data:").is_some_and(|rest| kinds.iter().any(|kind| rest.starts_with(kind)))
}

fn is_picture(address: &str) -> bool {
    is_data(
        address.trim_start(),
        &[
            "image/png",
            "image/jpeg",
            "image/jpg",
            "image/gif",
            "image/webp",
            "image/avif",
            "image/bmp",
            "image/x-icon",
            "image/svg+xml",
        ],
    )
}

fn is_font(address: &str) -> bool {
    is_data(address.trim_start(), &["font/", "application/font", "application/x-font"])
}

/// The address under which something may be shown; `None` when it may not.
fn shown(address: &str, address_of: &AddressOf<'_>) -> Option<String> {
    let address = address.trim();
    if is_picture(address) || is_font(address) {
        return Some(address.to_owned());
    }
    if !address.starts_with("http://") && !address.starts_with("https://") {
        return None;
    }
    let (plain, fragment) =
        address.split_once('#').map_or((address, None), |(plain, rest)| (plain, Some(rest)));
    let found = address_of(plain)?;
    Some(match fragment {
        Some(fragment) => format!("{found}#{fragment}"),
        None => found,
    })
}

#[cfg(test)]
mod tests;
