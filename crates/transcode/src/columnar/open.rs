//! From an input to its rows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_schema::Schema;
use copyist_core::{DataError, ErrorCode, Result};
use copyist_format::{Plan, arrow};

use super::{ArrowInput, Batches, ParquetInput, RandomAccess};
use crate::failure::Failure;
use crate::source::Source;

/// How rows in columns are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Parquet,
    /// Arrow's IPC format: a file or a stream.
    Arrow,
}

/// Opens an input and reads what columns it has. `name` is what it is called in messages.
///
/// # Errors
/// As [`Batches::next`], and what the system says where it cannot be opened. `0A000` of a stream, whose end cannot be read first.
pub fn open(format: Format, source: Source, name: &str) -> std::result::Result<Box<dyn Batches>, Failure> {
    open_bytes(format, source, name).map(|(batches, _)| batches)
}

/// Rows, and the bytes that they are read from.
pub(crate) type Opened = (Box<dyn Batches>, Arc<dyn RandomAccess>);

/// The same, and the bytes it reads.
pub(crate) fn open_bytes(format: Format, mut source: Source, name: &str) -> std::result::Result<Opened, Failure> {
    source.open(name)?;
    let access: Arc<dyn RandomAccess> = match source {
        Source::File(file) => Arc::new(file),
        Source::Memory(bytes) => bytes.into_inner(),
        Source::Columnar(_, source) => return open_bytes(format, *source, name),
        Source::Remote(remote) => remote.in_any_order().map_err(Failure::whole)?,
        Source::Path(_) | Source::Pushed(_) | Source::Decompressed(_) => {
            let message = "rows in columns cannot be read from a stream, since a file of them is read from its end";
            return Err(Failure::whole(DataError::new(ErrorCode::FeatureNotSupported, message)));
        }
    };
    let bytes = Arc::clone(&access);
    let batches: Result<Box<dyn Batches>> = match format {
        Format::Parquet => ParquetInput::open(access).map(|input| -> Box<dyn Batches> { Box::new(input) }),
        Format::Arrow => ArrowInput::open(access).map(|input| -> Box<dyn Batches> { Box::new(input) }),
    };
    Ok((batches.map_err(|error| of_input(error, name))?, bytes))
}

/// An error of an input as a whole.
pub(crate) fn of_input(mut error: Box<DataError>, name: &str) -> Failure {
    // What another machine says has the name of what was asked for in it.
    if !error.message.contains(&format!("\"{name}\"")) {
        error.message = format!("could not read \"{name}\": {}", error.message).into();
    }
    Failure::whole(error)
}

/// Where the fields of a plan stand in a file that has so many columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Positions {
    pub places: Vec<usize>,
    pub count: usize,
}

impl Positions {
    /// The columns of an input by their numbers, in the order of the fields.
    ///
    /// # Errors
    /// `22P04` where it has not as many, `0A000` where values of one that is read cannot be.
    pub fn columns(&self, schema: &Schema, name: &str) -> std::result::Result<Vec<usize>, Failure> {
        let found = schema.fields().len();
        if found != self.count {
            let message = format!("\"{name}\" has {found} columns, and {} are wanted", self.count);
            return Err(Failure::whole(DataError::new(ErrorCode::BadCopyFileFormat, message)));
        }
        let check = |&place: &usize| {
            let field = schema.field(place);
            arrow::check_type(field.name(), field.data_type()).map_err(Failure::whole)?;
            Ok(place)
        };
        self.places.iter().map(check).collect()
    }
}

/// Which columns of a later one of several inputs would be read, too, if the first one had them. What they hold is not to be lost in silence.
#[derive(Clone, Debug, Default)]
pub enum Further {
    /// None: those that are read are listed.
    #[default]
    None,
    /// Those of these names.
    Named(Arc<[String]>),
    Any,
}

/// The columns of the first of several inputs.
pub(crate) struct First {
    name: String,
    columns: HashSet<String>,
}

impl First {
    pub fn of(schema: &Schema, name: &str) -> Self {
        Self { name: name.to_owned(), columns: schema.fields().iter().map(|field| field.name().clone()).collect() }
    }

    /// Refuses what another input has besides the `columns` that are read of it, and this one has not.
    ///
    /// # Errors
    /// `22P04`.
    pub fn check(
        &self,
        further: &Further,
        schema: &Schema,
        columns: &[usize],
        name: &str,
    ) -> std::result::Result<(), Failure> {
        let is_meant = |found: &str| match further {
            Further::None => false,
            Further::Named(names) => names.iter().any(|name| name.to_lowercase() == found.to_lowercase()),
            Further::Any => true,
        };
        let mut added = schema.fields().iter().enumerate().filter(|(number, field)| {
            !self.columns.contains(field.name()) && is_meant(field.name()) && !columns.contains(number)
        });
        let Some((_, field)) = added.next() else { return Ok(()) };
        let message =
            format!("file \"{name}\" has a column \"{}\", which file \"{}\" has not", field.name(), self.name);
        let error = DataError::new(ErrorCode::BadCopyFileFormat, message)
            .with_detail("The columns of the first file are read of all of them.")
            .with_hint("List the columns that are to be loaded, or load this file by a statement of its own.");
        Err(Failure::whole(error))
    }
}

/// Which columns of an input the plan reads, by their numbers, in the order of its fields.
///
/// # Errors
/// `42703` where one is not there, `42702` where several may be meant, `0A000` where its values cannot be read.
pub fn columns_of(plan: &Plan, schema: &Schema, name: &str) -> std::result::Result<Vec<usize>, Failure> {
    let own = || plan.columns.iter().map(|column| column.name.as_str()).collect();
    let wanted: Vec<&str> = plan.map.as_ref().map_or_else(own, |map| map.names.iter().map(String::as_str).collect());
    let places = Places::of(schema);
    wanted.into_iter().map(|column| places.find(schema, column, name).map_err(Failure::whole)).collect()
}

/// The numbers of columns by their names, as they are written and in lower case.
struct Places<'a> {
    exact: HashMap<&'a str, Vec<usize>>,
    folded: HashMap<String, Vec<usize>>,
}

impl<'a> Places<'a> {
    fn of(schema: &'a Schema) -> Self {
        let (mut exact, mut folded) = (HashMap::<_, Vec<usize>>::new(), HashMap::<_, Vec<usize>>::new());
        for (number, field) in schema.fields().iter().enumerate() {
            exact.entry(field.name().as_str()).or_default().push(number);
            folded.entry(field.name().to_lowercase()).or_default().push(number);
        }
        Self { exact, folded }
    }

    fn find(&self, schema: &Schema, column: &str, name: &str) -> Result<usize> {
        let found = self.exact.get(column).or_else(|| self.folded.get(&column.to_lowercase()));
        match found.map_or(&[][..], Vec::as_slice) {
            &[number] => {
                arrow::check_type(column, schema.field(number).data_type())?;
                Ok(number)
            }
            [] => {
                let names: Vec<_> = schema.fields().iter().map(|field| format!("\"{}\"", field.name())).collect();
                let message = format!("column \"{column}\" is not in \"{name}\"");
                Err(DataError::new(ErrorCode::UndefinedColumn, message)
                    .with_detail(format!("Its columns are {}.", names.join(", "))))
            }
            several => {
                let message = format!("\"{name}\" has {} columns that may be \"{column}\"", several.len());
                Err(DataError::new(ErrorCode::AmbiguousColumn, message).with_hint(
                    "With MAP BY NAME false a column list says by their places which column is meant, and FILLER which are dropped.",
                ))
            }
        }
    }
}
