//! Workbooks. Rows go to temporary files as they come; the workbook is packed at the end, into another one.

use std::fs::File;
use std::io::Seek as _;

use rust_xlsxwriter::{Format as Style, Workbook, Worksheet, XlsxError};

use super::{Cell, ExportError, Format, Grid, Kind};

/// Rows of a sheet, without the row of names; Excel's own limit.
const SHEET_ROWS_MAX: u32 = 1_048_575;
/// Sheets of a workbook; more rows than these hold are refused.
const SHEETS_MAX: u32 = 10;
/// Most rows of a workbook.
pub(super) const ROWS_MAX: u64 = SHEET_ROWS_MAX as u64 * SHEETS_MAX as u64;
/// Longest text of a cell, in UTF-16 units; Excel's own limit.
const TEXT_MAX_UNITS: usize = 32_767;
/// What stands at the end of a text that was cut to that.
const CUT: &str = " … (cut)";
/// What stands between the texts of a list.
const BETWEEN: &str = "; ";
/// How instants are shown; they are UTC.
const INSTANT_STYLE: &str = "yyyy-mm-dd hh:mm:ss";
/// Width of a column, in characters.
const WIDTHS: [(Kind, f64); 6] = [
    (Kind::Text, 24.0),
    (Kind::Id, 38.0),
    (Kind::Instant, 20.0),
    (Kind::Number, 12.0),
    (Kind::Flag, 10.0),
    (Kind::Texts, 30.0),
];
/// Days from Excel's day 0 (1899-12-30) to 1970-01-01.
const EPOCH_DAYS: f64 = 25_569.0;
const DAY_MICROS: f64 = 86_400e6;

pub(super) struct Xlsx {
    grid: Grid,
    workbook: Workbook,
    instants: Style,
    sheets: u32,
    /// Rows of the last sheet, without the row of names.
    rows: u32,
}

fn failed(error: XlsxError) -> ExportError {
    match error {
        XlsxError::IoError(error) => ExportError::Temporary(error),
        other => ExportError::library(other),
    }
}

impl Xlsx {
    pub(super) fn begin(grid: Grid) -> Result<Self, ExportError> {
        let mut begun = Self {
            grid,
            workbook: Workbook::new(),
            instants: Style::new().set_num_format(INSTANT_STYLE),
            sheets: 0,
            rows: 0,
        };
        begun.begin_sheet()?;
        Ok(begun)
    }

    fn begin_sheet(&mut self) -> Result<(), ExportError> {
        self.sheets += 1;
        self.rows = 0;
        let name = match self.sheets {
            1 => self.grid.name.to_owned(),
            number => format!("{} ({number})", self.grid.name),
        };
        let bold = Style::new().set_bold();
        let sheet = self.workbook.add_worksheet_with_constant_memory().map_err(failed)?;
        sheet.set_name(name).map_err(failed)?;
        sheet.set_freeze_panes(1, 0).map_err(failed)?;
        for (at, column) in (0_u16..).zip(self.grid.columns) {
            let width =
                WIDTHS.iter().find(|(kind, _)| *kind == column.kind).map_or(20.0, |(_, width)| *width);
            sheet.set_column_width(at, width).map_err(failed)?;
        }
        for (at, column) in (0_u16..).zip(self.grid.columns) {
            sheet.write_string_with_format(0, at, column.name, &bold).map_err(failed)?;
        }
        Ok(())
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        if self.rows == SHEET_ROWS_MAX {
            if self.sheets == SHEETS_MAX {
                return Err(ExportError::TooManyRows { format: Format::Xlsx, most: ROWS_MAX });
            }
            self.begin_sheet()?;
        }
        self.rows += 1;
        let row = self.rows;
        let sheet = self.workbook.worksheet_from_index((self.sheets - 1) as usize).map_err(failed)?;
        for (at, cell) in (0_u16..).zip(cells) {
            write(sheet, row, at, cell, &self.instants).map_err(failed)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<File, ExportError> {
        let mut file = tempfile::tempfile().map_err(ExportError::Temporary)?;
        self.workbook.save_to_writer(&mut file).map_err(failed)?;
        file.rewind().map_err(ExportError::Temporary)?;
        Ok(file)
    }
}

#[expect(clippy::cast_precision_loss, reason = "Excel knows nothing but 64-bit floating point numbers")]
fn write(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell<'_>,
    instants: &Style,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Nothing => return Ok(()),
        Cell::Text(text) => sheet.write_string(row, column, fitting(text))?,
        Cell::Id(id) => sheet.write_string(row, column, id.to_string())?,
        Cell::Instant(at) => {
            let serial = EPOCH_DAYS + at.as_microsecond() as f64 / DAY_MICROS;
            sheet.write_number_with_format(row, column, serial, instants)?
        }
        Cell::Number(number) => sheet.write_number(row, column, *number as f64)?,
        Cell::Flag(flag) => sheet.write_boolean(row, column, *flag)?,
        Cell::Texts(texts) => sheet.write_string(row, column, fitting(&texts.join(BETWEEN)))?,
    };
    Ok(())
}

/// The text, cut to what a cell holds.
fn fitting(text: &str) -> String {
    if text.len() <= TEXT_MAX_UNITS {
        return text.to_owned();
    }
    let room = TEXT_MAX_UNITS - CUT.encode_utf16().count();
    let mut units = 0;
    let kept: String = text
        .chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= room
        })
        .collect();
    let all = text.encode_utf16().count();
    if all <= TEXT_MAX_UNITS { text.to_owned() } else { kept + CUT }
}
