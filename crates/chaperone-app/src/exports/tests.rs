//! Files are read back with other readers than those that wrote them, as far as there are some.

use std::collections::BTreeMap;
use std::io::Cursor;

use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
use ::parquet::record::Field;
use serde_json::{Value, json};

use super::*;

const GRID: Grid = Grid {
    name: "things",
    columns: &[
        Column { name: "id", kind: Kind::Id },
        Column { name: "name", kind: Kind::Text },
        Column { name: "at", kind: Kind::Instant },
        Column { name: "count", kind: Kind::Number },
        Column { name: "open", kind: Kind::Flag },
        Column { name: "targets", kind: Kind::Texts },
    ],
};
/// 2026-09-21T14:13:20.000001Z.
const MICROS: i64 = 1_790_000_000_000_001;

fn instant() -> Instant {
    Instant::from_microsecond(MICROS).expect("in range")
}

fn rows() -> Vec<Vec<Cell<'static>>> {
    let nothing = || Cell::Nothing;
    vec![
        vec![
            Cell::Id(Uuid::from_u128(7)),
            Cell::Text("=cmd|' /C calc'!A0"),
            Cell::Instant(instant()),
            Cell::Number(-5),
            Cell::Flag(true),
            Cell::Texts(vec!["ERP", "CRM"]),
        ],
        vec![nothing(), Cell::Text(""), nothing(), nothing(), nothing(), Cell::Texts(vec![])],
        vec![
            Cell::Id(Uuid::from_u128(8)),
            Cell::Text("„Ä“, \"quoted\"\r\nand 𝄞"),
            Cell::Instant(instant()),
            Cell::Number(i64::MAX),
            Cell::Flag(false),
            Cell::Texts(vec!["=1+1"]),
        ],
    ]
}

/// The whole file, taken out after every row.
fn written(format: Format, rows: &[Vec<Cell<'_>>]) -> Vec<u8> {
    let mut writer = GridWriter::begin(format, GRID).expect("begun");
    let mut bytes = Vec::new();
    for row in rows {
        writer.row(row).expect("written");
        bytes.extend(writer.take());
    }
    assert_eq!(writer.rows(), rows.len() as u64);
    for piece in writer.finish().expect("finished") {
        bytes.extend(piece.expect("a piece"));
    }
    bytes
}

#[test]
fn csv_has_names_quotes_what_needs_it_and_runs_nothing() {
    let text = String::from_utf8(written(Format::Csv, &rows())).expect("UTF-8");
    let id = Uuid::from_u128(7);
    let other = Uuid::from_u128(8);
    let expected = format!(
        "id,name,at,count,open,targets\r\n\
         {id},'=cmd|' /C calc'!A0,2026-09-21T14:13:20.000001Z,-5,true,ERP; CRM\r\n\
         ,,,,,\r\n\
         {other},\"„Ä“, \"\"quoted\"\"\r\nand 𝄞\",2026-09-21T14:13:20.000001Z,9223372036854775807,false,'=1+1\r\n"
    );
    assert_eq!(text, expected);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let names: Vec<_> = reader.records().map(|row| row.expect("a row")[1].to_owned()).collect();
    assert_eq!(names, ["'=cmd|' /C calc'!A0", "", "„Ä“, \"quoted\"\r\nand 𝄞"]);
}

#[test]
fn json_lines_are_an_object_each_and_exact() {
    let text = String::from_utf8(written(Format::JsonLines, &rows())).expect("UTF-8");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let at = "2026-09-21T14:13:20.000001Z";
    let expected = [
        json!({"id": Uuid::from_u128(7).to_string(), "name": "=cmd|' /C calc'!A0", "at": at, "count": -5, "open": true,
            "targets": ["ERP", "CRM"]}),
        json!({"id": null, "name": "", "at": null, "count": null, "open": null, "targets": []}),
        json!({"id": Uuid::from_u128(8).to_string(), "name": "„Ä“, \"quoted\"\r\nand 𝄞", "at": at, "count": i64::MAX,
            "open": false, "targets": ["=1+1"]}),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn parquet_reads_back_with_its_types_over_several_groups() {
    let many: Vec<_> = rows().into_iter().cycle().take(45_001).collect();
    let bytes = bytes::Bytes::from(written(Format::Parquet, &many));
    let reader = SerializedFileReader::new(bytes).expect("a file");
    assert_eq!(reader.num_row_groups(), 3);
    let mut count = 0;
    for (number, row) in reader.get_row_iter(None).expect("rows").enumerate() {
        count += 1;
        let row: BTreeMap<String, Field> = row.expect("a row").into_columns().into_iter().collect();
        let texts = |field: &Field| match field {
            Field::ListInternal(list) => {
                list.elements().iter().map(|text| text.to_string()).collect::<Vec<_>>()
            }
            other => panic!("{other}"),
        };
        match number % 3 {
            0 => {
                assert_eq!(row["id"], Field::Str(Uuid::from_u128(7).to_string()));
                assert_eq!(row["name"], Field::Str("=cmd|' /C calc'!A0".to_owned()));
                assert_eq!(row["at"], Field::TimestampMicros(MICROS));
                assert_eq!((&row["count"], &row["open"]), (&Field::Long(-5), &Field::Bool(true)));
                assert_eq!(texts(&row["targets"]), ["\"ERP\"", "\"CRM\""]);
            }
            1 => {
                assert_eq!((&row["id"], &row["at"]), (&Field::Null, &Field::Null));
                assert_eq!(row["name"], Field::Str(String::new()));
                assert_eq!(texts(&row["targets"]), Vec::<String>::new());
            }
            _ => assert_eq!(row["count"], Field::Long(i64::MAX)),
        }
    }
    assert_eq!(count, many.len());
}

/// A part of a workbook.
fn part(bytes: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let mut text = String::new();
    archive.by_name(name).expect("there").read_to_string(&mut text).expect("text");
    text
}

#[test]
fn a_workbook_holds_texts_as_texts_and_instants_as_dates() {
    let bytes = written(Format::Xlsx, &rows());
    let sheet = part(&bytes, "xl/worksheets/sheet1.xml");
    assert!(!sheet.contains("<f>"), "no formula: {sheet}");
    let text = r#"<c r="B2" t="inlineStr"><is><t>=cmd|' /C calc'!A0</t></is></c>"#;
    assert!(sheet.contains(text), "{sheet}");
    assert!(sheet.contains(r#"<c r="D2"><v>-5</v></c>"#), "{sheet}");
    let serial = 25_569.0 + MICROS as f64 / 86_400e6;
    assert!(sheet.contains(&format!("<v>{serial}</v>")), "{serial} in {sheet}");
    assert!(part(&bytes, "xl/styles.xml").contains("yyyy-mm-dd hh:mm:ss"));
    assert!(part(&bytes, "xl/workbook.xml").contains(r#"name="things""#));
}

#[test]
fn a_text_that_no_cell_of_a_workbook_holds_is_cut_and_says_so() {
    let long = "𝄞".repeat(20_000);
    let row = |text| {
        vec![vec![Cell::Nothing, text, Cell::Nothing, Cell::Nothing, Cell::Nothing, Cell::Texts(vec![])]]
    };
    let sheet = part(&written(Format::Xlsx, &row(Cell::Text(&long))), "xl/worksheets/sheet1.xml");
    assert!(sheet.contains(" … (cut)</t>"), "it is cut");
    let fits = "x".repeat(32_767);
    let sheet = part(&written(Format::Xlsx, &row(Cell::Text(&fits))), "xl/worksheets/sheet1.xml");
    assert!(sheet.contains(&fits) && !sheet.contains("(cut)"));
}

#[test]
fn rows_that_do_not_fit_the_grid_are_refused() {
    for format in Format::ALL {
        let mut writer = GridWriter::begin(format, GRID).expect("begun");
        let few = writer.row(&[Cell::Nothing]);
        assert!(matches!(few, Err(ExportError::WrongRow)), "{format:?}");
        let mut row = rows().remove(0);
        row.swap(0, 1);
        assert!(matches!(writer.row(&row), Err(ExportError::WrongRow)), "{format:?}");
        assert_eq!(writer.rows(), 0);
    }
}

#[test]
fn an_empty_export_is_a_whole_file() {
    assert_eq!(written(Format::Csv, &[]), b"id,name,at,count,open,targets\r\n");
    assert_eq!(written(Format::JsonLines, &[]), b"");
    let parquet = bytes::Bytes::from(written(Format::Parquet, &[]));
    let reader = SerializedFileReader::new(parquet).expect("a file");
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    assert!(part(&written(Format::Xlsx, &[]), "xl/worksheets/sheet1.xml").contains("targets"));
}

#[test]
fn file_names_tell_what_and_when_and_suit_every_file_system() {
    let end = Instant::from_microsecond(MICROS + 86_400_000_000).expect("in range");
    let name = file_name(GRID, instant(), end, Format::JsonLines);
    assert_eq!(name, "things_2026-09-21T14-13-20Z_2026-09-22T14-13-20Z.jsonl");
}

#[test]
fn format_names_read_back() {
    for format in Format::ALL {
        assert_eq!(Format::parse(format.name()), Some(format));
    }
    assert_eq!(Format::parse("CSV"), None);
}
