//! Steps: what the user did, in words.
//!
//! The recorder describes an action by its parts (kind, label, role, value); the sentence is made here, so that it is
//! the same in the list, in the export and in the step guide. Names stand between `**`: *In the **Bank account**
//! field, enter "DE…"*. A masked value reads `•••`, whatever it was.

use chaperone_domain::ids::{DocumentId, ExchangeId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::{text, text_list};

/// Characters of a name in a sentence.
const NAME_MAX_CHARS: usize = 120;
/// Characters of a value in a sentence.
const VALUE_MAX_CHARS: usize = 200;
/// How a masked value reads.
pub const MASKED: &str = "•••";

macro_rules! step_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal;)*) => {
        /// The kind of a step.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum StepKind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)*
            /// A kind that this version does not know.
            #[serde(other, rename = "other")]
            Other,
        }

        impl StepKind {
            /// Every kind that is known.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* Self::Other => "other" }
            }
        }
    };
}

step_kinds! {
    /// Something was clicked.
    Click = "click";
    /// Something was clicked twice.
    DoubleClick = "double_click";
    /// A value was typed.
    Change = "change";
    /// Something was chosen from a list.
    Select = "select";
    /// A check box or a switch was set or cleared.
    Check = "check";
    /// A form was sent.
    Submit = "submit";
    /// A key that starts something was pressed.
    Key = "key";
    /// The page moved to another address without loading.
    Navigate = "navigate";
    /// Something was pasted.
    Paste = "paste";
    /// Something was copied.
    Copy = "copy";
    /// Something was dragged somewhere.
    Drag = "drag";
    /// Files were picked.
    FilePick = "file_pick";
    /// A download was started.
    Download = "download";
    /// The page was printed.
    Print = "print";
    /// A dialog of the browser was answered.
    Dialog = "dialog";
    /// A window was opened.
    WindowOpen = "window_open";
    /// The page came to the front.
    TabShow = "tab_show";
    /// The page went to the back.
    TabHide = "tab_hide";
    /// A document was shown.
    Page = "page";
}

impl StepKind {
    /// Whether it is something that a user does on purpose, and that may explain a change.
    pub const fn acts(self) -> bool {
        !matches!(self, Self::Page | Self::TabShow | Self::TabHide | Self::Other)
    }
}

/// The value of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepValue {
    /// What stood there before.
    pub old: Option<String>,
    /// What stands there now.
    pub new: Option<String>,
    /// `text`, `number`, `date`, `bool`, `choice`, `file` or `secret`.
    pub r#type: String,
    /// The value is a secret and was never kept.
    pub masked: bool,
    /// Its length in characters.
    pub length: u64,
    /// The control's own value, where it differs from the words that the user saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// The page that a step was done on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepPage {
    /// Its address.
    pub url: String,
    /// Its title.
    pub title: String,
}

/// A step as the recorder described it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Counts steps of the document from 0.
    pub seq: u64,
    /// Milliseconds since 1970, by the page's clock.
    #[serde(default)]
    pub t: f64,
    /// Milliseconds since the document began.
    #[serde(default)]
    pub tm: f64,
    /// What was done.
    pub kind: StepKind,
    /// The accessible name of what it was done to.
    #[serde(default)]
    pub label: String,
    /// Its role.
    #[serde(default)]
    pub role: String,
    /// Its element and type.
    #[serde(default)]
    pub control: String,
    /// How to find it again, best first.
    #[serde(default)]
    pub selectors: Vec<String>,
    /// Its value.
    #[serde(default)]
    pub value: Option<StepValue>,
    /// The form, dialog or region that it is in.
    #[serde(default)]
    pub form_context: Option<String>,
    /// The record that it belongs to.
    #[serde(default)]
    pub record_context: Option<String>,
    /// The page.
    #[serde(default)]
    pub page: StepPage,
    /// Where in the window.
    #[serde(default)]
    pub point: Option<(f64, f64)>,
    /// The browser says that a person did it, not a script.
    #[serde(default)]
    pub trusted: bool,
    /// The node in the rrweb events.
    #[serde(default)]
    pub node: Option<i64>,
}

/// A step in its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepRecord {
    /// The document.
    #[serde(with = "text")]
    pub document: DocumentId,
    /// The batch that it came with.
    pub sequence: u32,
    /// When it was recorded, by the gateway's clock.
    #[serde(with = "text")]
    pub at: Timestamp,
    /// The step.
    #[serde(flatten)]
    pub step: Step,
    /// The same in words.
    pub sentence: String,
    /// The exchanges that followed from it.
    #[serde(with = "text_list")]
    pub exchanges: Vec<ExchangeId>,
}

/// A name in a sentence, between `**`; `None` where there is none.
fn name(text: &str) -> Option<String> {
    let whole = tidy(text, NAME_MAX_CHARS);
    // What a form puts after a label (*Name:*, *Name \**) is no part of its name in a sentence.
    let clean = match whole.trim_end_matches([':', '*', ' ']) {
        "" => whole.as_str(),
        clean => clean,
    };
    (!clean.is_empty()).then(|| format!("**{}**", clean.replace("**", "∗∗")))
}

/// One line, without control characters, cut where it is long.
fn tidy(text: &str, most: usize) -> String {
    // Invisible characters that turn the direction of text could make a sentence read as another one.
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .map(|word| word.chars().filter(|c| !turns(*c)).collect::<String>())
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let mut cut: String = line.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", tidy(text, VALUE_MAX_CHARS))
}

impl StepValue {
    fn shown(&self) -> Option<String> {
        if self.masked {
            return Some(MASKED.to_owned());
        }
        self.new.as_deref().filter(|text| !text.is_empty()).map(quoted)
    }

    fn is_true(&self) -> bool {
        self.new.as_deref() == Some("true")
    }
}

/// What a role is called in a sentence without a name.
fn thing(step: &Step) -> &str {
    match step.role.as_str() {
        "textbox" | "searchbox" | "spinbutton" => "field",
        "combobox" | "listbox" => "list",
        "checkbox" | "menuitemcheckbox" => "check box",
        "radio" | "menuitemradio" => "option",
        "gridcell" | "cell" => "cell",
        "menuitem" => "menu entry",
        "img" => "picture",
        "" | "generic" | "none" | "presentation" => "page",
        role => role,
    }
}

impl Step {
    /// The step in words.
    pub fn sentence(&self) -> String {
        let label = name(&self.label);
        let value = self.value.as_ref().and_then(StepValue::shown);
        let the = || match &label {
            Some(label) => label.clone(),
            None => format!("the {}", tidy(thing(self), NAME_MAX_CHARS)),
        };
        let field = || match &label {
            Some(label) => format!("the {label} field"),
            None => format!("the {}", if thing(self) == "page" { "field" } else { thing(self) }),
        };
        match self.kind {
            StepKind::Click if self.role == "tab" => {
                format!("Open the {} tab", label.unwrap_or_default()).replace("  ", " ")
            }
            StepKind::Click => format!("Click {}", the()),
            StepKind::DoubleClick => format!("Double-click {}", the()),
            StepKind::Change => match value {
                Some(value) => format!("In {}, enter {value}", field()),
                None => format!("Clear {}", field()),
            },
            StepKind::Select => match value {
                Some(value) => format!("Choose {value} in {}", field()),
                None => format!("Choose nothing in {}", field()),
            },
            StepKind::Check => {
                let on = self.value.as_ref().is_some_and(StepValue::is_true);
                match (self.role.as_str(), on) {
                    ("switch", true) => format!("Turn {} on", the()),
                    ("switch", false) => format!("Turn {} off", the()),
                    (_, true) => format!("Check {}", the()),
                    (_, false) => format!("Clear the check of {}", the()),
                }
            }
            StepKind::Submit => match (&label, self.form_context.as_deref().and_then(name)) {
                (Some(button), Some(form)) => format!("Send the {form} form with {button}"),
                (Some(button), None) => format!("Send the form with {button}"),
                (None, Some(form)) => format!("Send the {form} form"),
                (None, None) => "Send the form".to_owned(),
            },
            StepKind::Key => {
                let key = self.value.as_ref().and_then(|value| value.new.as_deref()).unwrap_or("a key");
                let key = tidy(key, NAME_MAX_CHARS);
                match &label {
                    Some(label) if thing(self) == "field" => format!("Press {key} in the {label} field"),
                    Some(label) => format!("Press {key} on {label}"),
                    None => format!("Press {key}"),
                }
            }
            StepKind::Navigate => match (&label, &value) {
                (Some(label), Some(value)) => format!("Go to page {label} at {value}"),
                (Some(label), None) => format!("Go to page {label}"),
                (None, Some(value)) => format!("Go to page {value}"),
                (None, None) => "Go to another page".to_owned(),
            },
            StepKind::Paste => match value {
                Some(value) => format!("Paste {value} into {}", field()),
                None => format!("Paste into {}", field()),
            },
            StepKind::Copy => match (&label, value) {
                (Some(label), Some(value)) => format!("Copy {value} from {label}"),
                (None, Some(value)) => format!("Copy {value}"),
                (Some(label), None) => format!("Copy from {label}"),
                (None, None) => "Copy".to_owned(),
            },
            StepKind::Drag => {
                let from = self.value.as_ref().and_then(|value| value.old.as_deref()).and_then(name);
                let to = label
                    .or_else(|| self.value.as_ref().and_then(|value| value.new.as_deref()).and_then(name));
                match (from, to) {
                    (Some(from), Some(to)) => format!("Drag {from} to {to}"),
                    (Some(from), None) => format!("Drag {from}"),
                    (None, Some(to)) => format!("Drag something to {to}"),
                    (None, None) => "Drag something".to_owned(),
                }
            }
            StepKind::FilePick => match value {
                Some(value) => format!("Pick {value} for {}", field()),
                None => format!("Pick no file for {}", field()),
            },
            StepKind::Download => match (value, label) {
                (Some(value), _) => format!("Download {value}"),
                (None, Some(label)) => format!("Download {label}"),
                (None, None) => "Download a file".to_owned(),
            },
            StepKind::Print => match label {
                Some(label) => format!("Print {label}"),
                None => "Print the page".to_owned(),
            },
            StepKind::Dialog => {
                let question = quoted(&self.label);
                match &self.value {
                    None => format!("Read the message {question}"),
                    Some(value) if value.r#type == "bool" && value.is_true() => {
                        format!("Agree to {question}")
                    }
                    Some(value) if value.r#type == "bool" => format!("Decline {question}"),
                    Some(value) => match value.shown() {
                        Some(answer) => format!("Answer {answer} to {question}"),
                        None => format!("Give no answer to {question}"),
                    },
                }
            }
            StepKind::WindowOpen => match value.or(label) {
                Some(what) => format!("Open a window with {what}"),
                None => "Open a window".to_owned(),
            },
            StepKind::TabShow => "Come back to the page".to_owned(),
            StepKind::TabHide => "Leave the page in the background".to_owned(),
            StepKind::Page => match label {
                Some(label) => format!("See page {label}"),
                None => format!("See page {}", quoted(&self.page.url)),
            },
            // The general sentence: it is always true.
            StepKind::Other => match (label, value) {
                (Some(label), Some(value)) => format!("Use {label} with {value}"),
                (Some(label), None) => format!("Use {label}"),
                (None, _) => "Do something on the page".to_owned(),
            },
        }
    }
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
