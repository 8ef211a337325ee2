//! Exports: rows in, bytes out, for one kind of grid in one of four formats.
//!
//! [`GridWriter`] knows nothing of where rows come from and where bytes go, so that a download and a scheduled job
//! write the same files. It keeps little: what is ready is taken out with [`GridWriter::take`] after every few rows,
//! and only a workbook waits in a temporary file until its end.
//!
//! ```text
//! let mut writer = GridWriter::begin(format, grid)?;
//! for page of rows { for row { writer.row(&cells)?; }  send(writer.take()); }
//! for piece in writer.finish()? { send(piece?); }
//! ```
//!
//! | format | what it is | texts that a spreadsheet would run |
//! | --- | --- | --- |
//! | CSV | RFC 4180, UTF-8 without byte order mark, a row of names, lists with `; ` between | get an apostrophe in front ([`neutral`]) |
//! | XLSX | sheets of at most 1,048,575 rows, instants as dates (UTC) | are cells of type text, which nothing runs |
//! | JSON lines | an object per line, `null` where nothing is, lists as lists | stay as they are |
//! | Parquet | one flat schema, instants as timestamps (UTC, µs), lists as lists, Zstandard | stay as they are |

use std::fs::File;
use std::io::Read as _;

use chaperone_domain::Instant;
use uuid::Uuid;

mod csv;
mod download;
mod json_lines;
pub mod neutral;
mod parquet;
#[cfg(test)]
mod tests;
mod xlsx;

pub use download::{Download, EXPORTS_MAX, Pages, Rows};
pub(crate) use download::{beside, one_after_the_other};

/// Bytes of one piece of what is left at the end.
const PIECE_BYTES: usize = 256 * 1024;

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// A workbook of Microsoft Excel and others.
    Xlsx,
    /// One JSON object per line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Xlsx, Self::JsonLines, Self::Parquet];

    /// The stable name in API and events, and the end of a file's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// The format of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::JsonLines => "application/jsonl; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// Most rows that one file holds.
    pub const fn rows_max(self) -> Option<u64> {
        match self {
            Self::Xlsx => Some(xlsx::ROWS_MAX),
            Self::Csv | Self::JsonLines | Self::Parquet => None,
        }
    }
}

/// What a column holds. A cell may always be [`Cell::Nothing`] instead, but for lists, which may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// An id.
    Id,
    /// An instant.
    Instant,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
    /// A list of texts.
    Texts,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name: `snake_case`, as in the API.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// A kind of grid: what is exported, and its columns in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The noun, for file names and sheets: `sign-ins`.
    pub name: &'static str,
    /// The columns.
    pub columns: &'static [Column],
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing is there.
    Nothing,
    /// A text.
    Text(&'a str),
    /// An id.
    Id(Uuid),
    /// An instant.
    Instant(Instant),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// A list of texts.
    Texts(Vec<&'a str>),
}

impl Cell<'_> {
    fn fits(&self, kind: Kind) -> bool {
        match self {
            Self::Nothing => kind != Kind::Texts,
            Self::Text(_) => kind == Kind::Text,
            Self::Id(_) => kind == Kind::Id,
            Self::Instant(_) => kind == Kind::Instant,
            Self::Number(_) => kind == Kind::Number,
            Self::Flag(_) => kind == Kind::Flag,
            Self::Texts(_) => kind == Kind::Texts,
        }
    }
}

/// Why an export cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The format takes no more rows.
    #[error("{} takes at most {most} rows: choose a shorter interval, or csv, jsonl or parquet", format.name())]
    TooManyRows {
        /// The format.
        format: Format,
        /// How many it takes.
        most: u64,
    },
    /// A row does not have the grid's columns.
    #[error("a row does not have the columns of its grid")]
    WrongRow,
    /// The temporary file of a workbook cannot be written or read.
    #[error("the temporary file of the export cannot be used")]
    Temporary(#[source] std::io::Error),
    /// A library refuses; the context is for the operator.
    #[error("the export cannot be written")]
    Library(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ExportError {
    fn library(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Library(Box::new(error))
    }
}

enum Form {
    Csv(Box<csv::Csv>),
    Xlsx(Box<xlsx::Xlsx>),
    JsonLines(json_lines::JsonLines),
    Parquet(Box<parquet::Parquet>),
}

/// Writes rows of a grid.
pub struct GridWriter {
    grid: Grid,
    rows: u64,
    form: Form,
}

impl GridWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// [`ExportError::Temporary`] when a workbook's temporary file cannot be made.
    pub fn begin(format: Format, grid: Grid) -> Result<Self, ExportError> {
        let form = match format {
            Format::Csv => Form::Csv(Box::new(csv::Csv::begin(grid)?)),
            Format::Xlsx => Form::Xlsx(Box::new(xlsx::Xlsx::begin(grid)?)),
            Format::JsonLines => Form::JsonLines(json_lines::JsonLines::begin(grid)),
            Format::Parquet => Form::Parquet(Box::new(parquet::Parquet::begin(grid)?)),
        };
        Ok(Self { grid, rows: 0, form })
    }

    /// Adds a row: a cell for each column, in order. May write to a file.
    ///
    /// # Errors
    /// [`ExportError`] when the row does not fit the grid, or the format takes no more.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        let columns = self.grid.columns;
        let fits = cells.len() == columns.len()
            && cells.iter().zip(columns).all(|(cell, column)| cell.fits(column.kind));
        if !fits {
            return Err(ExportError::WrongRow);
        }
        match &mut self.form {
            Form::Csv(form) => form.row(cells)?,
            Form::Xlsx(form) => form.row(cells)?,
            Form::JsonLines(form) => form.row(cells)?,
            Form::Parquet(form) => form.row(cells)?,
        }
        self.rows += 1;
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes out what is ready; may be empty.
    pub fn take(&mut self) -> Vec<u8> {
        match &mut self.form {
            Form::Csv(form) => form.take(),
            Form::Xlsx(_) => Vec::new(),
            Form::JsonLines(form) => form.take(),
            Form::Parquet(form) => form.take(),
        }
    }

    /// Ends the file; what is left comes in pieces. May take seconds for a large workbook.
    ///
    /// # Errors
    /// [`ExportError`] when the end cannot be written.
    pub fn finish(self) -> Result<Rest, ExportError> {
        match self.form {
            Form::Csv(mut form) => Ok(Rest(Left::Bytes(form.take()))),
            Form::Xlsx(form) => form.finish().map(|file| Rest(Left::File(file))),
            Form::JsonLines(mut form) => Ok(Rest(Left::Bytes(form.take()))),
            Form::Parquet(form) => form.finish().map(|bytes| Rest(Left::Bytes(bytes))),
        }
    }
}

enum Left {
    Bytes(Vec<u8>),
    File(File),
}

/// What is left of a file at its end, in pieces.
pub struct Rest(Left);

impl Iterator for Rest {
    type Item = Result<Vec<u8>, ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Left::Bytes(bytes) if bytes.is_empty() => None,
            Left::Bytes(bytes) => Some(Ok(std::mem::take(bytes))),
            Left::File(file) => {
                let mut piece = Vec::with_capacity(PIECE_BYTES);
                match file.take(PIECE_BYTES as u64).read_to_end(&mut piece) {
                    Ok(0) => None,
                    Ok(_) => Some(Ok(piece)),
                    Err(error) => Some(Err(ExportError::Temporary(error))),
                }
            }
        }
    }
}

/// The name of an export's file: the noun and its interval, in characters that every file system takes.
pub fn file_name(grid: Grid, start: Instant, end: Instant, format: Format) -> String {
    format!("{}_{}_{}.{}", grid.name, in_a_name(start), in_a_name(end), format.name())
}

/// The name of the file of an export that begins with the first row there is.
pub fn file_name_until(grid: Grid, end: Instant, format: Format) -> String {
    format!("{}_until_{}.{}", grid.name, in_a_name(end), format.name())
}

fn in_a_name(at: Instant) -> String {
    let whole = Instant::from_second(at.as_second()).unwrap_or(at);
    whole.to_string().replace(':', "-")
}
