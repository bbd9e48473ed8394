//! The files of this machine that a path, a folder or a pattern means.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

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
/// folders. A link that leads nowhere is found, for whoever opens it to say so.
///
/// `within` says that the folder has been opened, by a path that leads through its descriptor. Then nothing outside of it is looked at, whatever
/// the pattern says and links lead to, then or a moment later: as if it were not there. A link that leads out, or nowhere, is found all the same,
/// for whoever opens it to judge. A pattern that names a folder above is refused, since what is found by it would tell of folders outside.
///
/// # Errors
/// When a folder cannot be read, a name is no UTF-8, the pattern is broken, nothing is found, or `stop` is set meanwhile.
pub fn list(
    path: &str,
    pattern: Option<&str>,
    within: Option<&str>,
    stop: &AtomicBool,
) -> Result<Vec<Entry>, Box<DataError>> {
    let within = within.map(|descriptor| Within::new(path, descriptor)).transpose();
    let within = within.map_err(|error| failed(path, &error))?;
    let mut search = Search { sizes: BTreeMap::new(), within, stop, walked: None };
    match pattern {
        Some(pattern) => {
            let glob = Glob::new(pattern).map_err(|reason| {
                let message = format!("invalid pattern \"{pattern}\": {reason}");
                DataError::new(ErrorCode::InvalidParameterValue, message)
            })?;
            let is_confined = search.within.is_some();
            for segments in &glob.alternatives {
                check_parents(segments, pattern, is_confined)?;
                let deep = segments.iter().filter(|segment| **segment == Segment::Deep).count();
                search.walked = (deep > 1).then(HashSet::new);
                let (start, segments) = match segments.split_first() {
                    // From the root on.
                    Some((Segment::Name(name), rest)) if name.is_empty() && path.is_empty() => ("/", rest),
                    _ => (path, &**segments),
                };
                let segments = search.plain(start, segments);
                search.walk(start, &segments)?;
            }
        }
        None => search.all_below(path)?,
    }
    if search.sizes.is_empty() {
        let message = match pattern {
            Some(pattern) if path.is_empty() => format!("no file matches \"{pattern}\""),
            Some(pattern) => format!("no file below \"{path}\" matches \"{pattern}\""),
            None => format!("there is no file in the folder \"{path}\""),
        };
        return Err(DataError::new(ErrorCode::UndefinedFile, message));
    }
    Ok(search.sizes.into_iter().map(|(path, size)| Entry { path, size }).collect())
}

/// Refuses `..` where nothing outside is to be told of, and behind wildcards: it leads back to where each folder was found, so that there are as many
/// ways to a file as folders, and with each more of them so many times as many.
fn check_parents(segments: &[Segment], pattern: &str, is_confined: bool) -> Result<(), Box<DataError>> {
    let is_above = |segments: &[Segment]| segments.iter().any(|segment| segment.is_name(".."));
    if is_confined && is_above(segments) {
        let error = DataError::new(
            ErrorCode::InsufficientPrivilege,
            format!("files of the pattern \"{pattern}\" may not be read"),
        );
        return Err(error.with_detail("It names a folder above, by \"..\"."));
    }
    let wild = segments.iter().position(|segment| !matches!(segment, Segment::Name(_)));
    if wild.is_some_and(|at| is_above(&segments[at..])) {
        let message =
            format!("invalid pattern \"{pattern}\": \"..\" behind a wildcard leads back to where it came from");
        return Err(DataError::new(ErrorCode::InvalidParameterValue, message));
    }
    Ok(())
}

/// A folder that a search does not leave.
struct Within {
    /// Bytes of what it is called, with which all paths of the search begin.
    name: usize,
    descriptor: String,
    real: PathBuf,
}

impl Within {
    fn new(path: &str, descriptor: &str) -> io::Result<Self> {
        Ok(Self { name: path.len(), descriptor: descriptor.to_owned(), real: fs::read_link(descriptor)? })
    }

    /// The same path through the descriptor.
    fn at(&self, path: &str) -> String {
        format!("{}/{}", self.descriptor, &path[self.name..])
    }

    /// Takes hold of what is inside without opening it; None if it is not inside. Asked afterwards where it is, it leads nowhere else any more.
    #[cfg(target_os = "linux")]
    fn hold(&self, path: &str) -> io::Result<Option<Held>> {
        use std::os::fd::AsRawFd;
        use std::os::unix::fs::OpenOptionsExt;
        const O_PATH: i32 = 0o10_000_000;
        let file = File::options().read(true).custom_flags(O_PATH).open(path)?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let is_inside = fs::read_link(&path)?.starts_with(&self.real);
        Ok(is_inside.then_some(Held { file, path }))
    }

    #[cfg(not(target_os = "linux"))]
    fn hold(&self, _: &str) -> io::Result<Option<Held>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// What cannot be exchanged any more while its path is used.
struct Held {
    file: File,
    path: String,
}

/// What has been found, and how it is looked for.
struct Search<'a> {
    sizes: BTreeMap<String, u64>,
    within: Option<Within>,
    stop: &'a AtomicBool,
    /// Where there is more than one `**`: what has been looked for, by folder and how much of the pattern was left. Several ways lead there.
    walked: Option<HashSet<(String, usize)>>,
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

/// Whether nothing is there; nor is behind a path that is longer than any can be.
fn is_none(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

impl Search<'_> {
    /// The pattern without `.`, and without `..` behind a folder that is no link: several names of one file would be several files.
    fn plain(&self, start: &str, segments: &[Segment]) -> Vec<Segment> {
        let mut plain: Vec<Segment> = Vec::new();
        for segment in segments {
            if segment.is_name(".") {
                continue;
            }
            // Only names stand before it, see `check_parents`.
            if segment.is_name("..") && self.is_left(start, &plain) {
                plain.pop();
            } else {
                plain.push(segment.clone());
            }
        }
        plain
    }

    /// Whether the last of these names is a folder that `..` leads out of again.
    fn is_left(&self, start: &str, names: &[Segment]) -> bool {
        let path = names.iter().fold(start.to_owned(), |path, segment| match segment {
            Segment::Name(name) => joined(&path, name),
            _ => path,
        });
        names.last().is_some_and(|last| !last.is_name("..") && !last.is_name("")) && self.is_folder(&path)
    }

    /// Names in a folder; None where it is not there.
    fn names(&self, folder: &str) -> Result<Option<Vec<String>>, Box<DataError>> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(DataError::new(ErrorCode::QueryCanceled, "COPY was cancelled"));
        }
        let held = match self.within.as_ref().map(|within| within.hold(&within.at(folder))) {
            None => None,
            Some(Ok(Some(held))) => Some(held),
            // What is not inside is not told of, however it cannot be looked at.
            Some(Ok(None) | Err(_)) => return Ok(None),
        };
        let path = held.as_ref().map_or(if folder.is_empty() { "." } else { folder }, |held| &held.path);
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return if is_none(&error) { Ok(None) } else { Err(failed(folder, &error)) },
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| failed(folder, &error))?.file_name();
            names.push(name.into_string().map_err(|name| {
                let message = format!("the name \"{}\" in folder \"{folder}\" is not UTF-8", name.display());
                DataError::new(ErrorCode::CharacterNotInRepertoire, message).with_hint("Rename the file.")
            })?);
        }
        Ok(Some(names))
    }

    fn add(&mut self, path: String) {
        if let Some(size) = self.size(&path) {
            self.sizes.insert(path, size);
        }
    }

    /// The size of a file, or of what a link leads to; None where there is none.
    fn size(&self, path: &str) -> Option<u64> {
        let Some(within) = &self.within else {
            return match fs::metadata(path) {
                Ok(metadata) => metadata.is_file().then_some(metadata.len()),
                // Of a link that leads nowhere, and what cannot be looked at, whoever opens it says why.
                Err(error) => (!is_none(&error) || fs::symlink_metadata(path).is_ok()).then_some(0),
            };
        };
        let (folder, name) =
            path.rsplit_once('/').filter(|(folder, _)| folder.len() >= within.name).unwrap_or_else(|| {
                let at = within.name;
                (&path[..at], &path[at..])
            });
        let folder = within.hold(&within.at(folder)).ok()??;
        let path = format!("{}/{name}", folder.path);
        match within.hold(&path) {
            Ok(Some(held)) => held.file.metadata().ok().filter(Metadata::is_file).map(|metadata| metadata.len()),
            // Where it leads, if anywhere, is not told by what is found.
            Ok(None) | Err(_) => fs::symlink_metadata(&path).ok().filter(Metadata::is_symlink).map(|_| 0),
        }
    }

    /// Whether it is a folder, and no link to one.
    fn is_folder(&self, path: &str) -> bool {
        let metadata = match &self.within {
            None => fs::symlink_metadata(path),
            Some(within) => fs::symlink_metadata(within.at(path)),
        };
        metadata.is_ok_and(|metadata| metadata.is_dir())
    }

    fn walk(&mut self, folder: &str, segments: &[Segment]) -> Result<(), Box<DataError>> {
        let named =
            segments.iter().map_while(|segment| if let Segment::Name(name) = segment { Some(name) } else { None });
        let (mut path, mut names) = (folder.to_owned(), 0);
        for name in named {
            (path, names) = (joined(&path, name), names + 1);
        }
        let Some((segment, rest)) = segments[names..].split_first() else {
            self.add(path);
            return Ok(());
        };
        let (folder, segments) = (&*path, &segments[names..]);
        let is_deep = *segment == Segment::Deep;
        if is_deep
            && let Some(walked) = &mut self.walked
            && !walked.insert((folder.to_owned(), segments.len()))
        {
            return Ok(());
        }
        let Some(names) = self.names(folder)? else { return Ok(()) };
        if is_deep && !rest.is_empty() {
            self.walk(folder, rest)?;
        }
        for name in names {
            if !segment.means(&name) {
                continue;
            }
            let path = joined(folder, &name);
            if is_deep {
                // Links to folders are not followed, which might lead round in a circle.
                if self.is_folder(&path) {
                    self.walk(&path, segments)?;
                } else if rest.is_empty() {
                    self.add(path);
                }
            } else if rest.is_empty() {
                self.add(path);
            } else {
                self.walk(&path, rest)?;
            }
        }
        Ok(())
    }

    fn all_below(&mut self, folder: &str) -> Result<(), Box<DataError>> {
        for name in self.names(folder)?.unwrap_or_default() {
            if name.starts_with(['.', '_']) {
                continue;
            }
            let path = joined(folder, &name);
            if self.is_folder(&path) {
                self.all_below(&path)?;
            } else {
                self.add(path);
            }
        }
        Ok(())
    }
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
        }
        let base = root.to_str().expect("it is UTF-8").to_owned();
        let listed = |path: &str, pattern: Option<&str>| -> Vec<String> {
            let entries = list(path, pattern, None, &AtomicBool::new(false)).expect("it is found");
            entries.iter().map(|entry| entry.path.replace(&format!("{base}/"), "")).collect()
        };
        assert_eq!(listed(&base, Some("*.csv")), ["B.csv", "a.csv", "b.csv", "link.csv"]);
        assert_eq!(listed("", Some(&format!("{base}/[ab].csv"))), ["a.csv", "b.csv"]);
        assert_eq!(listed(&base, Some("**/*.csv")), ["B.csv", "a.csv", "b.csv", "link.csv", "x/c.csv", "x/y/d.csv"]);
        assert_eq!(listed(&base, Some("x/**")), ["x/c.csv", "x/y/d.csv"]);
        assert_eq!(listed(&base, Some(".*.csv")), [".h.csv"]);
        assert_eq!(listed(&base, Some("{b,a,a}.csv")), ["a.csv", "b.csv"]);
        assert_eq!(listed(&base, None), ["B.csv", "a.csv", "b.csv", "link.csv", "x/c.csv", "x/y/d.csv"]);
        let message = |path: &str, pattern| {
            list(path, pattern, None, &AtomicBool::new(false)).expect_err("nothing is found").message.into_owned()
        };
        assert_eq!(message("", Some("no/such*")), "no file matches \"no/such*\"");
        assert_eq!(message("", Some("[x")), "invalid pattern \"[x\": a bracket is not closed");
        assert_eq!(listed(&base, Some("x/../?.csv")), ["B.csv", "a.csv", "b.csv"]);
        assert_eq!(listed(&base, Some("{./,}{,x/y/../../}./?.csv")), ["B.csv", "a.csv", "b.csv"]);
        assert_eq!(listed("", Some(&format!("{base}/{{./,x/..//}}[ab].csv"))), ["a.csv", "b.csv"]);
        #[cfg(unix)]
        {
            // Behind a link it is where that leads to.
            std::os::unix::fs::symlink(at("x/y"), at("far")).expect("a link is made");
            assert_eq!(listed(&base, Some("far/../?.csv")), ["far/../c.csv"]);
            // Passed over without a word, what is behind a link that leads nowhere would be missing.
            std::os::unix::fs::symlink(at("gone"), at("x/y/gone.csv")).expect("a link is made");
            for pattern in [Some("*.csv"), Some("**"), Some("{gone,d}.csv"), None] {
                assert_eq!(listed(&format!("{base}/x/y"), pattern), ["x/y/d.csv", "x/y/gone.csv"]);
            }
            fs::remove_file(at("x/y/gone.csv")).expect("it is removed");
        }
        for pattern in ["*/../a.csv", r"**/.\./a.csv"] {
            let reason = "\"..\" behind a wildcard leads back to where it came from";
            assert_eq!(message(&base, Some(pattern)), format!("invalid pattern \"{pattern}\": {reason}"));
        }
        // Each folder is looked into once for what is left of the pattern, whatever the ways that lead there.
        fs::create_dir_all(at(&"d/".repeat(60))).expect("a folder is made");
        let started = std::time::Instant::now();
        for pattern in [format!("{}y", "**/d/".repeat(12)), format!("{}y", "**/nowhere/".repeat(4000))] {
            let error = list(&base, Some(&pattern), None, &AtomicBool::new(false)).expect_err("nothing is found");
            assert!(error.message.starts_with("no file below "));
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(10));
        let stopped = list(&base, Some("**"), None, &AtomicBool::new(true)).expect_err("it is stopped");
        assert_eq!(stopped.code, ErrorCode::QueryCanceled);
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            // From within x, what is beside it is not there, by whichever way.
            std::os::unix::fs::symlink(&root, at("x/up")).expect("a link is made");
            let folder = File::open(at("x")).expect("it is opened");
            let descriptor = format!("/proc/self/fd/{}", folder.as_raw_fd());
            let confined = |pattern: Option<&str>| -> Vec<String> {
                let found = list("shown", pattern, Some(&descriptor), &AtomicBool::new(false));
                found.unwrap_or_default().into_iter().map(|entry| entry.path).collect()
            };
            assert_eq!(confined(Some("*.csv")), ["shown/c.csv"]);
            assert_eq!(confined(Some("**/*.csv")), ["shown/c.csv", "shown/y/d.csv"]);
            assert_eq!(confined(Some("{.,./.}/{y/.,./y}/d.c*")), ["shown/y/d.csv"]);
            for outside in ["up/*.csv", "up/a.csv"] {
                assert_eq!(confined(Some(outside)), [""; 0], "{outside}");
            }
            for above in
                ["../*.csv", "../a.csv", "y/../c.csv", r"\../a.csv", r".\./a.csv", "{a,.{.,}}/a.csv", "*/../c.csv"]
            {
                let error =
                    list("shown", Some(above), Some(&descriptor), &AtomicBool::new(false)).expect_err("it is refused");
                assert_eq!(error.code, ErrorCode::InsufficientPrivilege, "{above}");
            }
            // Links out of it are alike, whatever they lead to, and nothing.
            std::os::unix::fs::symlink(at("a.csv"), at("x/out-file")).expect("a link is made");
            std::os::unix::fs::symlink(at("nowhere"), at("x/out-nowhere")).expect("a link is made");
            assert_eq!(confined(Some("out-*")), ["shown/out-file", "shown/out-nowhere"]);
            assert_eq!(confined(Some("u*")), ["shown/up"]);
            assert_eq!(
                confined(None),
                ["shown/c.csv", "shown/out-file", "shown/out-nowhere", "shown/up", "shown/y/d.csv"]
            );
            // The name of the folder may lead elsewhere by now.
            fs::rename(at("x"), at("moved")).expect("it is renamed");
            std::os::unix::fs::symlink(&root, at("x")).expect("a link is made");
            assert_eq!(confined(Some("*.csv")), ["shown/c.csv"]);
        }
        fs::remove_dir_all(&root).expect("it is removed");
    }
}
