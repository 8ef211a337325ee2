use serde_json::json;

use super::*;

fn step(value: serde_json::Value) -> Step {
    let mut whole = json!({"seq": 0, "t": 1, "tm": 1.5, "trusted": true});
    whole.as_object_mut().expect("object").extend(value.as_object().expect("object").clone());
    serde_json::from_value(whole).expect("a step")
}

#[test]
fn every_kind_has_its_sentence() {
    let value = |new: &str| json!({"old": null, "new": new, "type": "text", "masked": false, "length": 1});
    let table = [
        (json!({"kind": "click", "label": "Save", "role": "button"}), "Click **Save**"),
        (json!({"kind": "click", "label": "Payments", "role": "tab"}), "Open the **Payments** tab"),
        (json!({"kind": "click", "label": "Name: *", "role": "textbox"}), "Click **Name**"),
        (json!({"kind": "click", "label": "*", "role": "button"}), "Click *****"),
        (json!({"kind": "click", "role": "button"}), "Click the button"),
        (json!({"kind": "click"}), "Click the page"),
        (json!({"kind": "double_click", "label": "V-100", "role": "row"}), "Double-click **V-100**"),
        (
            json!({"kind": "change", "label": "Bank account", "role": "textbox", "value": value("DE2")}),
            "In the **Bank account** field, enter \"DE2\"",
        ),
        (json!({"kind": "change", "role": "textbox", "value": value("x")}), "In the field, enter \"x\""),
        (json!({"kind": "change", "label": "Note", "value": value("")}), "Clear the **Note** field"),
        (
            json!({"kind": "change", "label": "Password", "value": {"old": null, "new": null, "type": "secret", "masked": true, "length": 12}}),
            "In the **Password** field, enter •••",
        ),
        (
            json!({"kind": "select", "label": "Currency", "value": value("EUR")}),
            "Choose \"EUR\" in the **Currency** field",
        ),
        (
            json!({"kind": "check", "label": "Blocked", "role": "checkbox", "value": value("true")}),
            "Check **Blocked**",
        ),
        (
            json!({"kind": "check", "label": "Blocked", "role": "checkbox", "value": value("false")}),
            "Clear the check of **Blocked**",
        ),
        (
            json!({"kind": "check", "label": "Alerts", "role": "switch", "value": value("true")}),
            "Turn **Alerts** on",
        ),
        (
            json!({"kind": "check", "label": "Alerts", "role": "switch", "value": value("false")}),
            "Turn **Alerts** off",
        ),
        (
            json!({"kind": "submit", "label": "Save", "form_context": "Vendor details"}),
            "Send the **Vendor details** form with **Save**",
        ),
        (json!({"kind": "submit"}), "Send the form"),
        (
            json!({"kind": "key", "label": "Search", "role": "textbox", "value": value("Enter")}),
            "Press Enter in the **Search** field",
        ),
        (json!({"kind": "key", "label": "", "value": value("Control+s")}), "Press Control+s"),
        (
            json!({"kind": "navigate", "label": "Vendors", "value": value("http://e/v")}),
            "Go to page **Vendors** at \"http://e/v\"",
        ),
        (
            json!({"kind": "paste", "label": "Note", "value": value("abc")}),
            "Paste \"abc\" into the **Note** field",
        ),
        (json!({"kind": "copy", "label": "Total", "value": value("12")}), "Copy \"12\" from **Total**"),
        (
            json!({"kind": "drag", "value": {"old": "Card", "new": "Done", "type": "text"}}),
            "Drag **Card** to **Done**",
        ),
        (
            json!({"kind": "file_pick", "label": "Invoice", "value": value("a.pdf (12, application/pdf)")}),
            "Pick \"a.pdf (12, application/pdf)\" for the **Invoice** field",
        ),
        (json!({"kind": "download", "value": value("report.csv")}), "Download \"report.csv\""),
        (json!({"kind": "print", "label": "Report"}), "Print **Report**"),
        (json!({"kind": "dialog", "label": "Really?"}), "Read the message \"Really?\""),
        (
            json!({"kind": "dialog", "label": "Really?", "value": {"new": "true", "type": "bool"}}),
            "Agree to \"Really?\"",
        ),
        (
            json!({"kind": "dialog", "label": "Really?", "value": {"new": "false", "type": "bool"}}),
            "Decline \"Really?\"",
        ),
        (json!({"kind": "dialog", "label": "Why?", "value": value("so")}), "Answer \"so\" to \"Why?\""),
        (json!({"kind": "window_open", "value": value("http://e/w")}), "Open a window with \"http://e/w\""),
        (json!({"kind": "tab_show"}), "Come back to the page"),
        (json!({"kind": "tab_hide"}), "Leave the page in the background"),
        (json!({"kind": "page", "label": "Vendors"}), "See page **Vendors**"),
        (json!({"kind": "hover", "label": "Menu"}), "Use **Menu**"),
        (json!({"kind": "hover"}), "Do something on the page"),
    ];
    for (given, sentence) in &table {
        assert_eq!(&step(given.clone()).sentence(), sentence, "{given}");
    }
    for kind in StepKind::ALL {
        assert!(table.iter().any(|(given, _)| given["kind"] == kind.name()), "{kind:?} has no row");
    }
}

#[test]
fn a_masked_value_never_reads_otherwise() {
    for kind in StepKind::ALL {
        let value = json!({"old": null, "new": "hunter2", "type": "secret", "masked": true, "length": 7});
        let given = step(json!({"kind": kind.name(), "label": "Code", "value": value}));
        if !matches!(kind, StepKind::Key | StepKind::Drag) {
            assert!(!given.sentence().contains("hunter2"), "{}", given.sentence());
        }
    }
}

#[test]
fn a_hostile_name_stays_one_short_line() {
    let given = step(json!({"kind": "click", "label": format!("a\nb\u{202e}\t**c** {}", "x".repeat(500))}));
    let sentence = given.sentence();
    assert!(sentence.starts_with("Click **a b ∗∗c∗∗ xxx"), "{sentence}");
    assert!(sentence.ends_with("…**") && sentence.chars().count() < 150);
}
