//! Why a load stopped, with its place in the input.

use copyist_core::{DataError, ErrorCode};
use copyist_format::{Fault, Plan, Shown};

/// An error as the caller reports it.
#[derive(Clone, Debug)]
pub struct Failure {
    pub error: Box<DataError>,
    /// The number of the input in the order of the load, from 0.
    pub file: Option<u32>,
    /// Line from 1, as PostgreSQL counts.
    pub line: Option<u64>,
    /// Offset of the record in the input.
    pub byte_offset: Option<u64>,
    /// The column's name.
    pub column: Option<String>,
    /// PostgreSQL's CONTEXT.
    pub context: Option<String>,
}

impl Failure {
    /// An error of the load as a whole.
    #[must_use]
    pub fn whole(error: Box<DataError>) -> Self {
        Self { error, file: None, line: None, byte_offset: None, column: None, context: None }
    }

    /// An error of one record, `lines` lines and `byte_offset` bytes into the input.
    #[must_use]
    pub fn of_record(fault: &Fault, plan: &Plan, table: &str, lines: u64, byte_offset: u64) -> Self {
        let line = lines + fault.line + 1;
        Self {
            error: fault.error.clone(),
            file: None,
            line: Some(line),
            byte_offset: Some(byte_offset + fault.record_offset),
            column: match &fault.shown {
                Shown::Column { column } | Shown::Value { column, .. } => Some(plan.columns[*column].name.clone()),
                _ => None,
            },
            context: Some(fault.context(table, &plan.columns, "line", line)),
        }
    }

    /// An error of a row of an input that has no lines, `rows` rows into it.
    #[must_use]
    pub fn of_row(fault: &Fault, plan: &Plan, table: &str, rows: u64) -> Self {
        let number = rows + fault.line + 1;
        Self {
            byte_offset: None,
            context: Some(fault.context(table, &plan.columns, "row", number)),
            ..Self::of_record(fault, plan, table, rows, 0)
        }
    }

    /// A failed read of the input.
    #[must_use]
    pub fn of_io(error: &std::io::Error, name: &str) -> Self {
        if let Some(error) = copyist_store::carried(error) {
            return Self::whole(Box::new(error.clone()));
        }
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorCode::UndefinedFile,
            std::io::ErrorKind::PermissionDenied => ErrorCode::InsufficientPrivilege,
            std::io::ErrorKind::IsADirectory => ErrorCode::WrongObjectType,
            _ => ErrorCode::IoError,
        };
        Self::whole(DataError::new(code, format!("could not read file \"{name}\": {}", reason(error))))
    }

    /// An input that could not be opened.
    #[must_use]
    pub fn of_open(error: &std::io::Error, name: &str) -> Self {
        let mut failure = Self::of_io(error, name);
        failure.error.message = format!("could not open file \"{name}\" for reading: {}", reason(error)).into();
        failure
    }

    /// The same failure of this input.
    pub(crate) fn in_file(self, file: u32) -> Self {
        Self { file: Some(self.file.unwrap_or(file)), ..self }
    }

    /// A defect caught before it could bring the process down.
    #[must_use]
    pub fn of_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("unknown");
        Self::whole(
            DataError::new(ErrorCode::InternalError, format!("copyist failed internally: {text}"))
                .with_hint("This is a defect of copyist; nothing was loaded."),
        )
    }
}

/// The operating system's words without Rust's trailing error number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
