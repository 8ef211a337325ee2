//! Comma-separated values (RFC 4180).

use csv::{Terminator, WriterBuilder};

use super::neutral::neutral;
use super::{Cell, ExportError, Grid};

/// What stands between the texts of a list.
const BETWEEN: &str = "; ";

pub(super) struct Csv {
    writer: csv::Writer<Vec<u8>>,
}

fn fresh() -> csv::Writer<Vec<u8>> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new())
}

impl Csv {
    pub(super) fn begin(grid: Grid) -> Result<Self, ExportError> {
        let mut writer = fresh();
        let names = grid.columns.iter().map(|column| column.name);
        writer.write_record(names).map_err(ExportError::library)?;
        Ok(Self { writer })
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        for cell in cells {
            self.cell(cell).map_err(ExportError::library)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(ExportError::library)
    }

    fn cell(&mut self, cell: &Cell<'_>) -> csv::Result<()> {
        let writer = &mut self.writer;
        match cell {
            Cell::Nothing => writer.write_field(""),
            Cell::Text(text) => writer.write_field(neutral(text).as_bytes()),
            Cell::Id(id) => writer.write_field(id.hyphenated().encode_lower(&mut [0; 36])),
            Cell::Instant(at) => writer.write_field(at.to_string()),
            Cell::Number(number) => writer.write_field(number.to_string()),
            Cell::Flag(flag) => writer.write_field(if *flag { "true" } else { "false" }),
            Cell::Texts(texts) => writer.write_field(neutral(&texts.join(BETWEEN)).as_bytes()),
        }
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        // Writing to memory does not fail.
        std::mem::replace(&mut self.writer, fresh()).into_inner().unwrap_or_default()
    }
}
