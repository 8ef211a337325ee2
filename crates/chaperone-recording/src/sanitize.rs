//! Makes events harmless before they are shown: a recorded page is hostile input.
//!
//! What is shown runs in a frame of its own origin whose policy allows no script of the page and no connection; this
//! is the layer before. Nothing stays that runs (scripts, handlers, `javascript:`), leads away (links, forms, frames,
//! refreshes) or is fetched from anywhere but the recording itself: an address of a picture, a font or a style sheet
//! becomes the address that `address_of` gives for it, or goes.

use serde_json::{Map, Value};

/// Gives the address under which a recorded asset can be had, for its original address.
pub type AddressOf<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// rrweb's kinds of events that are shown.
const FULL_SNAPSHOT: u64 = 2;
const INCREMENTAL: u64 = 3;
const META: u64 = 4;
/// Kinds without content.
const LOADED: [u64; 2] = [0, 1];

/// rrweb's sources of incremental events that carry content of the page.
const MUTATION: u64 = 0;
const STYLE_SHEET_RULE: u64 = 8;
const CANVAS: u64 = 9;
const FONT: u64 = 10;
const STYLE_DECLARATION: u64 = 13;
const ADOPTED_STYLE_SHEET: u64 = 15;

/// Elements that are replaced with an empty one.
const REPLACED: [&str; 11] = [
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
];
/// Attributes that only lead away, run or confuse.
const DROPPED: [&str; 19] = [
    "action",
    "formaction",
    "formtarget",
    "ping",
    "srcdoc",
    "target",
    "download",
    "integrity",
    "nonce",
    "crossorigin",
    "autofocus",
    "autoplay",
    "http-equiv",
    "content",
    "manifest",
    "codebase",
    "classid",
    "archive",
    "is",
];
/// Attributes that hold the address of something to show.
const ADDRESSES: [&str; 6] = ["src", "poster", "background", "xlink:href", "data", "rr_src"];
/// Longest data address that is kept, in bytes.
const DATA_ADDRESS_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Makes one event harmless. An event of a kind that is not shown becomes an empty custom event, so that the order and
/// the times of the others stay.
pub fn sanitize_event(event: &mut Value, address_of: &AddressOf<'_>) {
    let kind = event.get("type").and_then(Value::as_u64);
    let keep = match kind {
        Some(kind) if LOADED.contains(&kind) => {
            event["data"] = Value::Object(Map::new());
            true
        }
        Some(META) => {
            meta(event);
            true
        }
        Some(FULL_SNAPSHOT) => {
            if let Some(node) = event.pointer_mut("/data/node") {
                sanitize_node(node, address_of);
            }
            true
        }
        Some(INCREMENTAL) => event.get_mut("data").is_some_and(|data| incremental(data, address_of)),
        _ => false,
    };
    if !keep && let Value::Object(fields) = event {
        fields.insert("type".to_owned(), Value::from(5));
        fields.insert("data".to_owned(), serde_json::json!({"tag": "left-out", "payload": {}}));
    }
}

/// Of the page's address and size only these stay.
fn meta(event: &mut Value) {
    let data = event.get("data").cloned().unwrap_or_default();
    let size = |name: &str| data.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    event["data"] =
        serde_json::json!({"href": "about:blank", "width": size("width"), "height": size("height")});
}

fn incremental(data: &mut Value, address_of: &AddressOf<'_>) -> bool {
    match data.get("source").and_then(Value::as_u64) {
        Some(MUTATION) => mutation(data, address_of),
        Some(STYLE_SHEET_RULE) => {
            for rule in items(data, "adds") {
                sanitize_css_at(rule, "rule", address_of);
            }
            for name in ["replace", "replaceSync"] {
                sanitize_css_at(data, name, address_of);
            }
        }
        Some(STYLE_DECLARATION) => {
            if let Some(set) = data.get_mut("set") {
                sanitize_css_at(set, "value", address_of);
            }
        }
        Some(ADOPTED_STYLE_SHEET) => {
            for style in items(data, "styles") {
                for rule in items(style, "rules") {
                    sanitize_css_at(rule, "rule", address_of);
                }
            }
        }
        // Drawing commands and fonts are programs and files of the page.
        Some(CANVAS | FONT) | None => return false,
        Some(_) => {}
    }
    true
}

fn items<'a>(value: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    value.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

fn mutation(data: &mut Value, address_of: &AddressOf<'_>) {
    for add in items(data, "adds") {
        if let Some(node) = add.get_mut("node") {
            sanitize_node(node, address_of);
        }
    }
    for change in items(data, "attributes") {
        if let Some(Value::Object(attributes)) = change.get_mut("attributes") {
            // Which element it is, is not told here: the rules of every element hold.
            sanitize_attributes("", attributes, address_of);
        }
    }
    for text in items(data, "texts") {
        // It may be the text of a style.
        if text.get("value").and_then(Value::as_str).is_some_and(may_fetch) {
            sanitize_css_at(text, "value", address_of);
        }
    }
}

fn may_fetch(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    (lower.contains("url(") || lower.contains("@import") || lower.contains("image-set("))
        && lower.contains([';', '{', ')'])
}

fn sanitize_css_at(value: &mut Value, name: &str, address_of: &AddressOf<'_>) {
    if let Some(Value::String(css)) = value.get_mut(name) {
        *css = sanitize_css(css, address_of);
    }
}

/// Makes a node and everything below it harmless, without recursion: a page may nest as deep as it likes.
fn sanitize_node(root: &mut Value, address_of: &AddressOf<'_>) {
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        let Value::Object(fields) = node else { continue };
        // rrweb's node types: 2 element, 3 text.
        let is_style = fields.get("isStyle").and_then(Value::as_bool).unwrap_or(false);
        if let Some(Value::String(text)) = fields.get_mut("textContent")
            && is_style
        {
            *text = sanitize_css(text, address_of);
        }
        if let Some(tag) = fields.get("tagName").and_then(Value::as_str).map(str::to_ascii_lowercase) {
            let tag = element(&tag, fields, address_of);
            if tag == "style"
                && let Some(Value::Array(children)) = fields.get_mut("childNodes")
            {
                for child in children {
                    sanitize_css_at(child, "textContent", address_of);
                }
            }
        }
        if let Some(Value::Array(children)) = fields.get_mut("childNodes") {
            waiting.extend(children);
        }
    }
}

fn element(tag: &str, fields: &mut Map<String, Value>, address_of: &AddressOf<'_>) -> String {
    let plain = tag.len() <= 64 && tag.chars().all(|c| c.is_ascii_alphanumeric() || "-_:.".contains(c));
    let tag = if !plain || REPLACED.contains(&tag) || matches!(tag, "base" | "meta") {
        // Its id stays, so that later events find it; its content goes.
        fields.insert("childNodes".to_owned(), Value::Array(Vec::new()));
        fields.insert("attributes".to_owned(), Value::Object(Map::new()));
        "div"
    } else {
        tag
    };
    // A replaced element must not take room.
    if tag == "div" && fields.get("tagName").and_then(Value::as_str) != Some("div") {
        fields.insert("attributes".to_owned(), serde_json::json!({"hidden": ""}));
    }
    fields.insert("tagName".to_owned(), Value::from(tag));
    if let Some(Value::Object(attributes)) = fields.get_mut("attributes") {
        sanitize_attributes(tag, attributes, address_of);
    }
    tag.to_owned()
}

fn sanitize_attributes(tag: &str, attributes: &mut Map<String, Value>, address_of: &AddressOf<'_>) {
    attributes.retain(|name, value| {
        let name = name.to_ascii_lowercase();
        if name.starts_with("on")
            || DROPPED.contains(&name.as_str())
            || name.contains(['<', '>', '"', '\'', ' '])
        {
            return false;
        }
        if matches!(tag, "iframe") && (name == "src" || name == "rr_src") {
            return false;
        }
        match name.as_str() {
            // A link shows that it is one, and leads nowhere.
            "href" => {
                let is_sheet = tag == "link" || tag == "image" || tag == "use";
                *value = match value.as_str() {
                    Some(address) if address.starts_with('#') => return true,
                    Some(address) if is_sheet || tag.is_empty() => match shown(address, address_of) {
                        Some(address) => Value::from(address),
                        None => return tag.is_empty() && blank(value),
                    },
                    _ => Value::from("#"),
                };
                true
            }
            "srcset" | "imagesrcset" => false,
            "style" => {
                match value {
                    Value::String(css) => *css = sanitize_css(css, address_of),
                    // A changed style: property to value, or to value and priority.
                    Value::Object(properties) => {
                        for property in properties.values_mut() {
                            let text = match property {
                                Value::Array(parts) => parts.first_mut(),
                                other => Some(other),
                            };
                            if let Some(Value::String(css)) = text {
                                *css = sanitize_css(css, address_of);
                            }
                        }
                    }
                    _ => {}
                }
                true
            }
            "_csstext" => {
                if let Value::String(css) = value {
                    *css = sanitize_css(css, address_of);
                }
                true
            }
            // A canvas or a picture that the recorder took along.
            "rr_dataurl" => value.as_str().is_some_and(is_picture),
            name if ADDRESSES.contains(&name) => {
                match value.as_str().and_then(|text| shown(text, address_of)) {
                    Some(address) => {
                        *value = Value::from(address);
                        true
                    }
                    // A removed attribute (null) is told as such.
                    None => value.is_null(),
                }
            }
            _ => !value.as_str().is_some_and(runs),
        }
    });
}

fn blank(value: &mut Value) -> bool {
    *value = Value::from("#");
    true
}

/// Whether an address runs something when it is followed.
fn runs(address: &str) -> bool {
    let scheme: String = address
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .take(16)
        .collect::<String>()
        .to_ascii_lowercase();
    ["javascript:", "vbscript:", "data:text/html", "livescript:"]
        .iter()
        .any(|bad| scheme.starts_with(&bad[..bad.len().min(16)]))
}

fn is_picture(address: &str) -> bool {
    let head: String = address.trim_start().chars().take(24).collect::<String>().to_ascii_lowercase();
    let kinds = ["png", "jpeg", "jpg", "gif", "webp", "avif", "bmp", "x-icon", "svg+xml"];
    address.len() <= DATA_ADDRESS_MAX_BYTES
        && head
            .strip_prefix("data:image/")
            .is_some_and(|rest| kinds.iter().any(|kind| rest.starts_with(kind)))
}

fn is_font(address: &str) -> bool {
    let head: String = address.trim_start().chars().take(24).collect::<String>().to_ascii_lowercase();
    address.len() <= DATA_ADDRESS_MAX_BYTES
        && (head.starts_with("data:font/")
            || head.starts_with("data:application/font")
            || head.starts_with("data:application/x-font"))
}

/// The address under which something may be shown; `None` when it may not.
fn shown(address: &str, address_of: &AddressOf<'_>) -> Option<String> {
    let address = address.trim();
    if is_picture(address) || is_font(address) {
        return Some(address.to_owned());
    }
    if address.starts_with("http://") || address.starts_with("https://") {
        let (plain, fragment) =
            address.split_once('#').map_or((address, None), |(plain, rest)| (plain, Some(rest)));
        let found = address_of(plain)?;
        return Some(fragment.map_or(found.clone(), |fragment| format!("{found}#{fragment}")));
    }
    None
}

/// Rewrites what a style would fetch: `url(…)` becomes the address that may be shown, or nothing; `@import` goes.
fn sanitize_css(css: &str, address_of: &AddressOf<'_>) -> String {
    // `</style` would end the element that the text is put into.
    let css = css.replace("</", "<\\/");
    let lower = css.to_ascii_lowercase();
    let mut clean = String::with_capacity(css.len());
    let mut at = 0;
    while let Some(rest) = lower.get(at..) {
        let next = ["url(", "@import", "image-set(", "expression(", "-moz-binding", "behavior:"]
            .iter()
            .filter_map(|word| rest.find(word).map(|place| (place, *word)))
            .min();
        let Some((place, word)) = next else { break };
        clean.push_str(css.get(at..at + place).unwrap_or_default());
        let from = at + place + word.len();
        match word {
            "url(" => {
                let (address, end) = argument(&css, from);
                match shown(&address, address_of) {
                    Some(address) => {
                        clean.push_str(&format!("url(\"{}\")", address.replace(['"', '\\', '\n'], "")))
                    }
                    None if address.starts_with('#') => {
                        clean.push_str(&format!("url(\"{}\")", address.replace(['"', '\\', '\n'], "")))
                    }
                    None => clean.push_str("url(\"\")"),
                }
                at = end;
            }
            "@import" => {
                let rest = css.get(from..).unwrap_or_default();
                // To the semicolon behind the address, which may hold semicolons itself.
                let (_, end) = match rest.trim_start().to_ascii_lowercase().strip_prefix("url(") {
                    Some(_) => argument(&css, from + rest.to_ascii_lowercase().find("url(").unwrap_or(0) + 4),
                    None => (String::new(), quoted_end(&css, from)),
                };
                at =
                    css.get(end..).and_then(|rest| rest.find(';')).map_or(css.len(), |place| end + place + 1);
            }
            "image-set(" => {
                clean.push_str("no-image-set(");
                at = from;
            }
            _ => {
                clean.push_str("removed-");
                at = from;
            }
        }
    }
    clean.push_str(css.get(at..).unwrap_or_default());
    clean
}

/// The argument of a function that begins at `from`, without quotes, and where the text goes on behind it.
fn argument(css: &str, from: usize) -> (String, usize) {
    let rest = css.get(from..).unwrap_or_default();
    let lead = rest.len() - rest.trim_start().len();
    let inner = rest.trim_start();
    match inner.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        Some(quote) => {
            let body = &inner[1..];
            let end = body.find(quote).unwrap_or(body.len());
            let address = body.get(..end).unwrap_or_default().to_owned();
            let behind = from + lead + 1 + (end + 1).min(body.len());
            let close = css
                .get(behind..)
                .and_then(|rest| rest.find(')'))
                .map_or(css.len(), |place| behind + place + 1);
            (address, close)
        }
        None => {
            let end = rest.find(')').unwrap_or(rest.len());
            (rest.get(..end).unwrap_or_default().trim().to_owned(), (from + end + 1).min(css.len()))
        }
    }
}

/// Where a quoted text that begins behind `from` ends.
fn quoted_end(css: &str, from: usize) -> usize {
    let rest = css.get(from..).unwrap_or_default();
    let lead = rest.len() - rest.trim_start().len();
    match rest.trim_start().chars().next().filter(|c| matches!(c, '"' | '\'')) {
        Some(quote) => {
            let body = from + lead + 1;
            css.get(body..).and_then(|rest| rest.find(quote)).map_or(css.len(), |place| body + place + 1)
        }
        None => from,
    }
}

#[cfg(test)]
#[path = "sanitize_tests.rs"]
mod tests;
