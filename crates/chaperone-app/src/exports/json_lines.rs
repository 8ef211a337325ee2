//! One JSON object per line.

use std::io::Write as _;

use serde::Serialize;

use super::{Cell, ExportError, Grid};

pub(super) struct JsonLines {
    grid: Grid,
    bytes: Vec<u8>,
}

impl JsonLines {
    pub(super) fn begin(grid: Grid) -> Self {
        Self { grid, bytes: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        self.bytes.push(b'{');
        for (number, (column, cell)) in self.grid.columns.iter().zip(cells).enumerate() {
            if number > 0 {
                self.bytes.push(b',');
            }
            self.value(column.name)?;
            self.bytes.push(b':');
            match cell {
                Cell::Nothing => self.bytes.extend_from_slice(b"null"),
                Cell::Text(text) => self.value(text)?,
                Cell::Id(id) => self.value(&*id.hyphenated().encode_lower(&mut [0; 36]))?,
                Cell::Instant(at) => write!(self.bytes, "\"{at}\"").map_err(ExportError::library)?,
                Cell::Number(number) => self.value(number)?,
                Cell::Flag(flag) => self.value(flag)?,
                Cell::Texts(texts) => self.value(texts)?,
            }
        }
        self.bytes.extend_from_slice(b"}\n");
        Ok(())
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), ExportError> {
        serde_json::to_writer(&mut self.bytes, value).map_err(ExportError::library)
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
