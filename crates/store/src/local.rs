//! The files of this machine that a path, a folder or a pattern means.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use copyist_core::{DataError, ErrorCode};

use crate::glob::{Glob, Segment};

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub path: String,
    pub size: u64,
}

/// Regular files in the order of their paths' bytes: those that `pattern` means below the folder `path`, or below where we are if that is
/// empty; without a pattern all that are in the folder at any depth. A wildcard does not stand for a dot at the beginning of a name, and
/// without a pattern names that begin with a dot or an underscore are passed over: marks and temporary files of those who write such
/// folders.
///
/// Where it is `confined`, nothing outside of the folder is looked at, whatever the pattern says and links lead to: as if it were not there. A link
/// to a file is found all the same, for whoever opens it to judge.
///
/// # Errors
/// When a folder cannot be read, a name is no UTF-8, the pattern is broken, or nothing is found.
pub fn list(path: &str, pattern: Option<&str>, confined: bool) -> Result<Vec<Entry>, Box<DataError>> {
    let root = if confined { Some(fs::canonicalize(path).map_err(|error| failed(path, &error))?) } else { None };
    let mut found = Found { sizes: BTreeMap::new(), root };
    match pattern {
        Some(pattern) => {
            let glob = Glob::new(pattern).map_err(|reason| {
                let message = format!("invalid pattern \"{pattern}\": {reason}");
                DataError::new(ErrorCode::InvalidParameterValue, message)
            })?;
            for segments in &glob.alternatives {
                match segments.split_first() {
                    // From the root on.
                    Some((Segment::Name(name), rest)) if name.is_empty() && path.is_empty() => {
                        walk("/", rest, &mut found)?;
                    }
                    _ => walk(path, segments, &mut found)?,
                }
            }
        }
        None => all_below(path, &mut found)?,
    }
    if found.sizes.is_empty() {
        let message = match pattern {
            Some(pattern) if path.is_empty() => format!("no file matches \"{pattern}\""),
            Some(pattern) => format!("no file below \"{path}\" matches \"{pattern}\""),
            None => format!("there is no file in the folder \"{path}\""),
        };
        return Err(DataError::new(ErrorCode::UndefinedFile, message));
    }
    Ok(found.sizes.into_iter().map(|(path, size)| Entry { path, size }).collect())
}

/// What has been found, and the folder that the search must not leave.
struct Found {
    sizes: BTreeMap<String, u64>,
    root: Option<PathBuf>,
}

impl Found {
    /// Whether a folder may be looked into.
    fn has(&self, folder: &str) -> bool {
        let folder = if folder.is_empty() { "." } else { folder };
        self.root.as_ref().is_none_or(|root| fs::canonicalize(folder).is_ok_and(|real| real.starts_with(root)))
    }
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() || folder.ends_with('/') { format!("{folder}{name}") } else { format!("{folder}/{name}") }
}

fn failed(path: &str, error: &io::Error) -> Box<DataError> {
    let code = match error.kind() {
        io::ErrorKind::NotFound => ErrorCode::UndefinedFile,
        io::ErrorKind::PermissionDenied => ErrorCode::InsufficientPrivilege,
        io::ErrorKind::NotADirectory => ErrorCode::WrongObjectType,
        _ => ErrorCode::IoError,
    };
    let text = error.to_string();
    let reason = text.split(" (os error").next().unwrap_or(&text);
    let path = if path.is_empty() { "." } else { path };
    DataError::new(code, format!("could not read folder \"{path}\": {reason}"))
}

/// Names in a folder; none where it is not there.
fn names(folder: &str) -> Result<Vec<String>, Box<DataError>> {
    let path = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(folder, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| failed(folder, &error))?.file_name();
        names.push(name.into_string().map_err(|name| {
            let message = format!("the name \"{}\" in folder \"{folder}\" is not UTF-8", name.display());
            DataError::new(ErrorCode::CharacterNotInRepertoire, message).with_hint("Rename the file.")
        })?);
    }
    Ok(names)
}

/// What a path leads to; None where there is nothing, or a link to nothing.
fn look(path: &str) -> Option<Metadata> {
    fs::metadata(path).ok()
}

fn add(path: String, found: &mut Found) {
    if found.has(path.rsplit_once('/').map_or("", |(folder, _)| if folder.is_empty() { "/" } else { folder }))
        && let Some(metadata) = look(&path)
        && metadata.is_file()
    {
        found.sizes.insert(path, metadata.len());
    }
}

fn walk(folder: &str, segments: &[Segment], found: &mut Found) -> Result<(), Box<DataError>> {
    let Some((segment, rest)) = segments.split_first() else { return Ok(()) };
    if let Segment::Name(name) = segment {
        let path = joined(folder, name);
        return if rest.is_empty() {
            add(path, found);
            Ok(())
        } else {
            walk(&path, rest, found)
        };
    }
    let is_deep = *segment == Segment::Deep;
    if is_deep && !rest.is_empty() {
        walk(folder, rest, found)?;
    }
    if !found.has(folder) {
        return Ok(());
    }
    for name in names(folder)? {
        if !segment.means(&name) {
            continue;
        }
        let path = joined(folder, &name);
        if is_deep {
            // Links to folders are not followed, which might lead round in a circle.
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => walk(&path, segments, found)?,
                _ if rest.is_empty() => add(path, found),
                _ => {}
            }
        } else if rest.is_empty() {
            add(path, found);
        } else {
            walk(&path, rest, found)?;
        }
    }
    Ok(())
}

fn all_below(folder: &str, found: &mut Found) -> Result<(), Box<DataError>> {
    for name in names(folder)? {
        if name.starts_with(['.', '_']) {
            continue;
        }
        let path = joined(folder, &name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => all_below(&path, found)?,
            _ => add(path, found),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_files() {
        let root = std::env::temp_dir().join(format!("copyist-list-{}", std::process::id()));
        let at = |name: &str| root.join(name);
        for (name, size) in [("b.csv", 2), ("a.csv", 1), ("B.csv", 3), ("x/c.csv", 4), ("x/y/d.csv", 5), (".h.csv", 6)]
        {
            let path = at(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder is made");
            fs::write(path, "z".repeat(size)).expect("a file is written");
        }
        fs::write(at("_SUCCESS"), "").expect("a file is written");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("x"), at("x/loop")).expect("a link is made");
            std::os::unix::fs::symlink(at("a.csv"), at("link.csv")).expect("a link is made");
            std::os::unix::fs::symlink(at("gone"), at("broken.csv")).expect("a link is made");
        }
        let base = root.to_str().expect("it is UTF-8").to_owned();
        let listed = |path: &str, pattern: Option<&str>| -> Vec<String> {
            let entries = list(path, pattern, false).expect("it is found");
            entries.iter().map(|entry| entry.path.replace(&format!("{base}/"), "")).collect()
        };
        assert_eq!(listed(&base, Some("*.csv")), ["B.csv", "a.csv", "b.csv", "link.csv"]);
        assert_eq!(listed("", Some(&format!("{base}/[ab].csv"))), ["a.csv", "b.csv"]);
        assert_eq!(listed(&base, Some("**/*.csv")), ["B.csv", "a.csv", "b.csv", "link.csv", "x/c.csv", "x/y/d.csv"]);
        assert_eq!(listed(&base, Some("x/**")), ["x/c.csv", "x/y/d.csv"]);
        assert_eq!(listed(&base, Some(".*.csv")), [".h.csv"]);
        assert_eq!(listed(&base, Some("{b,a,a}.csv")), ["a.csv", "b.csv"]);
        assert_eq!(listed(&base, None), ["B.csv", "a.csv", "b.csv", "link.csv", "x/c.csv", "x/y/d.csv"]);
        let message =
            |path: &str, pattern| list(path, pattern, false).expect_err("nothing is found").message.into_owned();
        assert_eq!(message("", Some("no/such*")), "no file matches \"no/such*\"");
        assert_eq!(message("", Some("[x")), "invalid pattern \"[x\": a bracket is not closed");
        #[cfg(unix)]
        {
            // From within x, what is beside it is not there, by whichever way.
            std::os::unix::fs::symlink(&root, at("x/up")).expect("a link is made");
            let inner = at("x").display().to_string();
            let confined = |pattern| list(&inner, Some(pattern), true).map(|found| found.len()).unwrap_or_default();
            assert_eq!(["*.csv", "**/*.csv", "y/../*.csv"].map(confined), [1, 2, 1]);
            assert_eq!(["../*.csv", "../a.csv", "up/*.csv", "up/a.csv", "y/../../[ab].csv"].map(confined), [0; 5]);
        }
        fs::remove_dir_all(&root).expect("it is removed");
    }
}
