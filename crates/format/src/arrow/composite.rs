//! Which field of a structure each attribute of a composite type takes: that of its name, in the same case first, then in any, as columns do.

use arrow_schema::{DataType, Fields, TimeUnit};
use copyist_core::{DataError, ErrorCode, Foreign, Result, Type};

use super::exact::is_by_place;
use super::target::{Target, element_type};
use crate::{ColumnPlan, Layout};

type Attributes = [(String, Foreign)];

/// The field of each attribute by its place in the structure; None of one that has none.
pub(super) fn places(attributes: &Attributes, fields: &Fields) -> Vec<Option<usize>> {
    if is_tuple(attributes, fields) {
        return (0..fields.len()).map(Some).collect();
    }
    let place = |(name, _): &(String, Foreign)| match candidates(attributes, fields, name)[..] {
        [place] => Some(place),
        _ => None,
    };
    attributes.iter().map(place).collect()
}

/// The fields that an attribute may mean. In another case than its own it means none that another attribute has in its own.
fn candidates(attributes: &Attributes, fields: &Fields, name: &str) -> Vec<usize> {
    let by = |is_meant: &dyn Fn(&str) -> bool| -> Vec<usize> {
        fields.iter().enumerate().filter(|(_, field)| is_meant(field.name())).map(|(place, _)| place).collect()
    };
    let exact = by(&|field| field == name);
    if !exact.is_empty() {
        return exact;
    }
    let folded = name.to_lowercase();
    by(&|field| field.to_lowercase() == folded && !attributes.iter().any(|(other, _)| other == field))
}

/// Whether fields go by their places: as many as there are attributes, with names that only count them, of which none is an attribute's.
fn is_tuple(attributes: &Attributes, fields: &Fields) -> bool {
    fields.len() == attributes.len()
        && only_count(fields)
        && attributes.iter().all(|(name, _)| candidates(attributes, fields, name).is_empty())
}

/// Whether names are what writers make up for the fields of a tuple: none, or numbers from 0 or 1 on, as in `f1`, `_1`, `col_0`.
fn only_count(fields: &Fields) -> bool {
    const BEFORE: [&str; 6] = ["", "f", "c", "col", "column", "field"];
    let Some(first) = fields.first() else { return false };
    let prefix = first.name().trim_end_matches(|c: char| c.is_ascii_digit());
    let counts_from = |first: usize| {
        let mut names = fields.iter().map(|field| field.name().strip_prefix(prefix)).enumerate();
        names.all(|(place, number)| number == Some(&(first + place).to_string()))
    };
    fields.iter().all(|field| field.name().is_empty())
        || BEFORE.contains(&prefix.trim_end_matches('_').to_ascii_lowercase().as_str())
            && (counts_from(0) || counts_from(1))
}

/// Whether every field of the structures of a type has a place in what they go to: composite types, and objects of `jsonb` and structures of
/// DuckDB, which have one field of a name; and whether nanoseconds are wanted of what has them.
///
/// # Errors
/// `42703` where one has none, `42702` where several may be meant, `42804` of what has no structures; `0A000` of another type than that of the nanoseconds.
pub fn check_fields(column: &ColumnPlan, layout: Layout, ty: &DataType) -> Result<()> {
    if column.ty.has_nanoseconds() {
        let has_zone = matches!(column.ty, Type::TimestampTz(_));
        return match ty {
            DataType::Timestamp(TimeUnit::Nanosecond, zone) if zone.is_some() == has_zone => Ok(()),
            DataType::Null => Ok(()),
            _ => Err(no_nanoseconds(&column.name, has_zone, ty)),
        };
    }
    Check { column: &column.name, layout, path: Vec::new() }.ty(ty, Target::of(column))
}

#[cold]
fn no_nanoseconds(name: &str, has_zone: bool, ty: &DataType) -> Box<DataError> {
    let wanted = if has_zone { "timestamptz" } else { "timestamp" };
    let message = format!("column \"{name}\" is of the type {ty}, which cannot be read as {wanted}(9)");
    let hint = format!("Nanoseconds are read of timestamps in nanoseconds. Give it the type {wanted} or text.");
    DataError::new(ErrorCode::FeatureNotSupported, message).with_hint(hint)
}

struct Check<'a> {
    column: &'a str,
    layout: Layout,
    /// The fields that the one that is looked at is in.
    path: Vec<&'a str>,
}

impl<'a> Check<'a> {
    fn ty(&mut self, ty: &'a DataType, target: Target<'_>) -> Result<()> {
        if let Some(element) = element_type(ty) {
            return self.ty(element, target.element());
        }
        match (ty, target) {
            (DataType::Dictionary(_, of), _) => self.ty(of, target),
            (DataType::Struct(fields), Target::Foreign(Foreign::Record(_))) if self.layout == Layout::Duckdb => {
                self.distinct(fields, target, |one, other| one.eq_ignore_ascii_case(other))
            }
            (DataType::Struct(fields), Target::Type(Type::Jsonb)) if is_by_place(self.layout) => {
                self.distinct(fields, target, |one, other| one == other)
            }
            (DataType::Map(entries, _), Target::Type(Type::Jsonb) | Target::Foreign(Foreign::Map(_))) => {
                let DataType::Struct(fields) = entries.data_type() else { return Ok(()) };
                let to = if let Target::Foreign(_) = target { target.entry() } else { (target, target) };
                fields.iter().zip([to.0, to.1]).try_for_each(|(field, to)| self.ty(field.data_type(), to))
            }
            (DataType::Struct(fields), Target::Foreign(Foreign::Record(attributes))) if is_by_place(self.layout) => {
                let places = places(attributes, fields);
                if let Some(left) = (0..fields.len()).find(|&place| !places.contains(&Some(place))) {
                    return Err(self.left_over(fields, left, attributes));
                }
                for (attribute, place) in places.into_iter().enumerate() {
                    let Some(field) = place.map(|place| &fields[place]) else { continue };
                    self.path.push(field.name());
                    self.ty(field.data_type(), target.field(attribute, field.name(), true))?;
                    self.path.pop();
                }
                Ok(())
            }
            (DataType::Struct(_), Target::Foreign(_)) if is_by_place(self.layout) => Err(self.no_record()),
            _ => Ok(()),
        }
    }

    /// Fields that have one name to what they go to, which keeps one of them.
    fn distinct(&mut self, fields: &'a Fields, target: Target<'_>, is_same: fn(&str, &str) -> bool) -> Result<()> {
        for (place, field) in fields.iter().enumerate() {
            let name = field.name();
            self.path.push(name);
            if fields.iter().take(place).any(|other| is_same(other.name(), name)) {
                let path = self.path.join(".");
                let message =
                    format!("column \"{}\" has several fields \"{path}\", of which one would be kept", self.column);
                return Err(DataError::new(ErrorCode::AmbiguousColumn, message).with_hint(
                    "Write the file with a name for each, or load the column into one of type json or text, which keep all of them.",
                ));
            }
            let to = if let Target::Foreign(_) = target { target.field(place, name, false) } else { target };
            self.ty(field.data_type(), to)?;
            self.path.pop();
        }
        Ok(())
    }

    /// The error of a structure for what is no composite type: a range would take it for one without its ends.
    #[cold]
    fn no_record(&self) -> Box<DataError> {
        let path: Vec<_> = std::iter::once(self.column).chain(self.path.iter().copied()).collect();
        let message = format!("\"{}\" is a structure, of which its type is not made", path.join("."));
        DataError::new(ErrorCode::DatatypeMismatch, message).with_hint(
            "Load it into a column of type jsonb or of a composite type, or make the value by an expression: TRANSFORM (column jsonb AS …).",
        )
    }

    /// The error of a field that goes nowhere.
    #[cold]
    fn left_over(&self, fields: &'a Fields, place: usize, attributes: &Attributes) -> Box<DataError> {
        let name = fields[place].name();
        let path: Vec<&str> = self.path.iter().copied().chain([name.as_str()]).collect();
        let field = format!("field \"{}\" of column \"{}\"", path.join("."), self.column);
        let names: Vec<_> = attributes.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let meant = attributes.iter().find(|(name, _)| candidates(attributes, fields, name).contains(&place));
        let error = match meant {
            Some((attribute, _)) => {
                let message = format!("{field} and another one may be the attribute \"{attribute}\" of its type");
                DataError::new(ErrorCode::AmbiguousColumn, message)
            }
            None => DataError::new(ErrorCode::UndefinedColumn, format!("{field} is no attribute of its type")),
        };
        error.with_detail(format!("The attributes are {}.", names.join(", "))).with_hint(
            "Fields go to the attributes of their names. Write the file with these names and no others, or load the column into one of type jsonb.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::Field;

    fn attributes(names: &[&str]) -> Vec<(String, Foreign)> {
        names.iter().map(|&name| (name.to_owned(), Foreign::Like(Type::Int4))).collect()
    }

    fn fields(names: &[&str]) -> Fields {
        names.iter().map(|&name| Field::new(name, DataType::Int32, true)).collect()
    }

    fn found(fields_: &[&str], attributes_: &[&str]) -> Vec<Option<usize>> {
        places(&attributes(attributes_), &fields(fields_))
    }

    #[test]
    fn names_match_in_the_same_case_first() {
        assert_eq!(found(&["b", "A"], &["a", "b", "c"]), [Some(1), Some(0), None]);
        assert_eq!(found(&["A", "a"], &["a", "A"]), [Some(1), Some(0)]);
        assert_eq!(found(&["a"], &["A", "a"]), [None, Some(0)]);
        // Either may be meant.
        assert_eq!(found(&["A", "á", "Á"], &["a", "b"]), [Some(0), None]);
        assert_eq!(found(&["aB", "Ab"], &["ab", "b"]), [None, None]);
    }

    #[test]
    fn names_that_only_count_go_by_their_places() {
        for names in [["f1", "f2"], ["_0", "_1"], ["", ""], ["1", "2"], ["col_0", "col_1"], ["Field1", "Field2"]] {
            assert_eq!(found(&names, &["a", "b"]), [Some(0), Some(1)], "{names:?}");
        }
        assert_eq!(found(&["f1", "f2"], &["f2", "f1"]), [Some(1), Some(0)]);
        for names in [&["f1", "f3"][..], &["f2", "f1"], &["x1", "x2"], &["f1"], &["f1", "f2", "f3"]] {
            assert!(found(names, &["a", "b"]).iter().all(Option::is_none), "{names:?}");
        }
    }

    #[test]
    fn a_structure_is_for_composite_types_and_texts() {
        let ty = DataType::Struct(fields(&["x"]));
        let list = DataType::List(Field::new_list_field(ty.clone(), true).into());
        let plain = |ty, foreign| ColumnPlan { ty, foreign, ..ColumnPlan::of_text("v".to_owned(), false) };
        let range = plain(Type::Other, Foreign::Opaque);
        for ty in [&ty, &list] {
            let error = check_fields(&range, Layout::PgText, ty).unwrap_err();
            assert_eq!(error.message, "\"v\" is a structure, of which its type is not made");
            assert!(check_fields(&range, Layout::Duckdb, ty).is_ok());
            assert!(check_fields(&plain(Type::Jsonb, Foreign::Opaque), Layout::PgText, ty).is_ok());
        }
    }

    #[test]
    fn a_field_that_goes_nowhere_is_told() {
        let point = fields(&["x", "z"]);
        let ty = DataType::Struct(vec![Field::new("at", DataType::Struct(point), true)].into());
        let list = DataType::List(Field::new_list_field(ty, true).into());
        let record = Foreign::Record(vec![("at".to_owned(), Foreign::Record(attributes(&["x", "y"])))]);
        let column = |foreign| ColumnPlan { ty: Type::Other, foreign, ..ColumnPlan::of_text("home".to_owned(), false) };
        let listed = column(Foreign::List(Box::new(record)));
        let error = check_fields(&listed, Layout::PgText, &list).unwrap_err();
        assert_eq!(error.code, ErrorCode::UndefinedColumn);
        assert_eq!(error.message, "field \"at.z\" of column \"home\" is no attribute of its type");
        assert_eq!(error.detail.as_deref(), Some("The attributes are \"x\", \"y\"."));
        assert!(check_fields(&listed, Layout::Duckdb, &list).is_ok());
        let twice = DataType::Struct(fields(&["X", "x ", "x"]));
        let plain = column(Foreign::Record(attributes(&["x", "x "])));
        assert_eq!(check_fields(&plain, Layout::PgBinary, &twice).unwrap_err().code, ErrorCode::UndefinedColumn);
        let either = DataType::Struct(fields(&["aB", "Ab"]));
        let error = check_fields(&column(Foreign::Record(attributes(&["ab"]))), Layout::PgText, &either).unwrap_err();
        assert_eq!(error.code, ErrorCode::AmbiguousColumn);
        assert_eq!(
            error.message,
            "field \"aB\" of column \"home\" and another one may be the attribute \"ab\" of its type"
        );
    }
}
