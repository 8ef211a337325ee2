//! Apache Parquet, by its columns. Rows are gathered until they are a row group; a group is written column after column.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::{Cell, Column, ExportError, Grid, Kind};

/// Rows of a group: what is held in memory at most.
const GROUP_ROWS: usize = 20_000;

/// Where the library writes to, and what is ready is taken from.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The values of a column in the group that is being gathered. A definition level of 0 is nothing (or the empty
/// list); a repetition level of 1 is one more text of the same list.
struct Gathered {
    values: Values,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    is_list: bool,
}

enum Values {
    Texts(Vec<ByteArray>),
    Numbers(Vec<i64>),
    Flags(Vec<bool>),
}

pub(super) struct Parquet {
    sink: Sink,
    writer: SerializedFileWriter<Sink>,
    columns: Vec<Gathered>,
    rows: usize,
}

impl Parquet {
    pub(super) fn begin(grid: Grid) -> Result<Self, ExportError> {
        let sink = Sink::default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by("Chaperone".to_owned())
            .build();
        let schema = schema(grid).map_err(ExportError::library)?;
        let writer = SerializedFileWriter::new(sink.clone(), schema, Arc::new(properties))
            .map_err(ExportError::library)?;
        let columns = grid.columns.iter().map(|column| Gathered::of(column.kind)).collect();
        Ok(Self { sink, writer, columns, rows: 0 })
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> Result<(), ExportError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let mut group = self.writer.next_row_group().map_err(ExportError::library)?;
        for column in &mut self.columns {
            column.write(&mut group).map_err(ExportError::library)?;
        }
        group.close().map_err(ExportError::library)?;
        Ok(())
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        self.sink.take()
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, ExportError> {
        self.end_group()?;
        self.writer.close().map_err(ExportError::library)?;
        Ok(self.sink.take())
    }
}

impl Gathered {
    fn of(kind: Kind) -> Self {
        let values = match kind {
            Kind::Text | Kind::Id | Kind::Texts => Values::Texts(Vec::new()),
            Kind::Instant | Kind::Number => Values::Numbers(Vec::new()),
            Kind::Flag => Values::Flags(Vec::new()),
        };
        Self { values, definitions: Vec::new(), repetitions: Vec::new(), is_list: kind == Kind::Texts }
    }

    fn push(&mut self, cell: &Cell<'_>) {
        let mut one = |definition| {
            self.definitions.push(definition);
            self.repetitions.push(0);
        };
        match (cell, &mut self.values) {
            (Cell::Text(text), Values::Texts(values)) => {
                one(1);
                values.push(ByteArray::from(*text));
            }
            (Cell::Id(id), Values::Texts(values)) => {
                one(1);
                values.push(ByteArray::from(&*id.hyphenated().encode_lower(&mut [0; 36])));
            }
            (Cell::Instant(at), Values::Numbers(values)) => {
                one(1);
                values.push(at.as_microsecond());
            }
            (Cell::Number(number), Values::Numbers(values)) => {
                one(1);
                values.push(*number);
            }
            (Cell::Flag(flag), Values::Flags(values)) => {
                one(1);
                values.push(*flag);
            }
            (Cell::Texts(texts), Values::Texts(values)) if !texts.is_empty() => {
                for (number, text) in texts.iter().enumerate() {
                    self.definitions.push(1);
                    self.repetitions.push(i16::from(number > 0));
                    values.push(ByteArray::from(*text));
                }
            }
            // Nothing, or the empty list; cells of another kind do not come here.
            _ => one(0),
        }
    }

    fn write(&mut self, group: &mut SerializedRowGroupWriter<'_, Sink>) -> Result<(), ParquetError> {
        // A column that cannot repeat has no repetition levels.
        let repetitions = self.is_list.then_some(&self.repetitions[..]);
        match &mut self.values {
            Values::Texts(values) => {
                column::<ByteArrayType>(group, values, &self.definitions, repetitions)?;
                values.clear();
            }
            Values::Numbers(values) => {
                column::<Int64Type>(group, values, &self.definitions, repetitions)?;
                values.clear();
            }
            Values::Flags(values) => {
                column::<BoolType>(group, values, &self.definitions, repetitions)?;
                values.clear();
            }
        }
        self.definitions.clear();
        self.repetitions.clear();
        Ok(())
    }
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Sink>,
    values: &[T::T],
    definitions: &[i16],
    repetitions: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let next = group.next_column()?;
    let mut column = next.ok_or_else(|| ParquetError::General("the schema has fewer columns".to_owned()))?;
    column.typed::<T>().write_batch(values, Some(definitions), repetitions)?;
    column.close()
}

fn schema(grid: Grid) -> Result<TypePtr, ParquetError> {
    let fields: Result<Vec<TypePtr>, ParquetError> = grid.columns.iter().map(field).collect();
    Type::group_type_builder("schema").with_fields(fields?).build().map(Arc::new)
}

fn field(column: &Column) -> Result<TypePtr, ParquetError> {
    let optional = |physical, logical| {
        Type::primitive_type_builder(column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()
            .map(Arc::new)
    };
    match column.kind {
        Kind::Text | Kind::Id => optional(Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Instant => optional(Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Kind::Number => optional(Physical::INT64, None),
        Kind::Flag => optional(Physical::BOOLEAN, None),
        Kind::Texts => {
            let element = Type::primitive_type_builder("element", Physical::BYTE_ARRAY)
                .with_repetition(Repetition::REQUIRED)
                .with_logical_type(Some(LogicalType::String))
                .build()?;
            let list = Type::group_type_builder("list")
                .with_repetition(Repetition::REPEATED)
                .with_fields(vec![Arc::new(element)])
                .build()?;
            Type::group_type_builder(column.name)
                .with_repetition(Repetition::REQUIRED)
                .with_logical_type(Some(LogicalType::List))
                .with_fields(vec![Arc::new(list)])
                .build()
                .map(Arc::new)
        }
    }
}
