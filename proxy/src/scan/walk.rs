//! The files below the paths that were given, in order, found as they are needed. Symbolic links in
//! a folder are passed over unless they are to be followed, and never in a circle.

use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Something to read, or why it cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A path and why it is not read.
    Failed(PathBuf, String),
    /// A regular file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Target {
    /// Its path, `-` for standard input.
    pub fn name(&self) -> String {
        match self {
            Self::Failed(path, _) | Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Stdin => "-".to_owned(),
        }
    }
}

/// Walks paths depth first, each folder by the names of its entries.
#[derive(Debug)]
pub(super) struct Walk {
    /// The paths given, the next one last.
    given: Vec<PathBuf>,
    folders: Vec<Folder>,
    follow: bool,
    has_read_stdin: bool,
    links: u64,
}

/// A folder under way.
#[derive(Debug)]
struct Folder {
    /// Device and inode.
    id: (u64, u64),
    /// What is left of it, the next one last.
    rest: Vec<PathBuf>,
}

impl Walk {
    pub(super) fn new(mut given: Vec<PathBuf>, follow: bool) -> Walk {
        given.reverse();
        Walk { given, folders: Vec::new(), follow, has_read_stdin: false, links: 0 }
    }

    /// Symbolic links that were passed over.
    pub(super) fn links(&self) -> u64 {
        self.links
    }

    /// What a path given on the command line is; a link there is meant.
    fn enter_given(&mut self, path: PathBuf) -> Option<Target> {
        if path == Path::new("-") {
            if std::mem::replace(&mut self.has_read_stdin, true) {
                return Some(Target::Failed(path, "standard input was given twice".to_owned()));
            }
            return Some(Target::Stdin);
        }
        match fs::metadata(&path) {
            Ok(metadata) => self.enter(path, &metadata),
            Err(error) => Some(failed(path, error)),
        }
    }

    fn enter_entry(&mut self, path: PathBuf) -> Option<Target> {
        let looked = fs::symlink_metadata(&path).and_then(|metadata| {
            match metadata.is_symlink() && self.follow {
                true => fs::metadata(&path),
                false => Ok(metadata),
            }
        });
        match looked {
            Ok(metadata) if metadata.is_symlink() => {
                self.links += 1;
                None
            }
            Ok(metadata) => self.enter(path, &metadata),
            Err(error) => Some(failed(path, error)),
        }
    }

    fn enter(&mut self, path: PathBuf, metadata: &Metadata) -> Option<Target> {
        if metadata.is_file() {
            return Some(Target::File(path));
        }
        if !metadata.is_dir() {
            let why = refusal(metadata.file_type());
            return Some(Target::Failed(path, why.to_owned()));
        }
        let id = (metadata.dev(), metadata.ino());
        if self.folders.iter().any(|folder| folder.id == id) {
            // A circle: it is being read further up.
            self.links += 1;
            return None;
        }
        match entries(&path) {
            Ok(rest) => {
                self.folders.push(Folder { id, rest });
                None
            }
            Err(error) => Some(failed(path, error)),
        }
    }
}

impl Iterator for Walk {
    type Item = Target;

    fn next(&mut self) -> Option<Target> {
        loop {
            let found = match self.folders.last_mut() {
                Some(folder) => match folder.rest.pop() {
                    Some(path) => self.enter_entry(path),
                    None => {
                        self.folders.pop();
                        None
                    }
                },
                None => {
                    let path = self.given.pop()?;
                    self.enter_given(path)
                }
            };
            if found.is_some() {
                return found;
            }
        }
    }
}

/// The paths in a folder, the first one last.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort_unstable_by(|a, b| b.cmp(a));
    Ok(paths)
}

fn failed(path: PathBuf, error: io::Error) -> Target {
    Target::Failed(path, super::plain(error))
}

/// Why something that is no regular file is not read.
pub(super) fn refusal(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "is a named pipe: read it as standard input, with -"
    } else if kind.is_socket() {
        "is a socket, which cannot be read"
    } else if kind.is_block_device() || kind.is_char_device() {
        "is a device: read it as standard input, with -"
    } else {
        "is no regular file"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(walk: &mut Walk, root: &Path) -> Vec<String> {
        let name = |target: Target| match target {
            Target::Failed(path, why) => format!("{}: {why}", short(&path, root)),
            Target::File(path) => short(&path, root),
            Target::Stdin => "-".to_owned(),
        };
        walk.map(name).collect()
    }

    fn short(path: &Path, root: &Path) -> String {
        path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
    }

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("b/c")).unwrap();
        for name in ["z.txt", "a.txt", "b/2", "b/10", "b/c/1"] {
            fs::write(root.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("..", root.join("b/c/up")).unwrap();
        std::os::unix::fs::symlink("z.txt", root.join("link")).unwrap();
        folder
    }

    #[test]
    fn a_folder_is_walked_by_name_and_links_are_passed_over() {
        let folder = tree();
        let mut walk = Walk::new(vec![folder.path().to_owned()], false);
        let found = names(&mut walk, folder.path());
        assert_eq!(found, ["a.txt", "b/10", "b/2", "b/c/1", "z.txt"]);
        assert_eq!(walk.links(), 2);
    }

    #[test]
    fn links_are_followed_when_asked_but_not_in_a_circle() {
        let folder = tree();
        let mut walk = Walk::new(vec![folder.path().to_owned()], true);
        let found = names(&mut walk, folder.path());
        assert_eq!(found, ["a.txt", "b/10", "b/2", "b/c/1", "link", "z.txt"]);
    }

    #[test]
    fn a_link_that_was_named_is_meant() {
        let folder = tree();
        let mut walk = Walk::new(vec![folder.path().join("link")], false);
        assert_eq!(names(&mut walk, folder.path()), ["link"]);
    }

    #[test]
    fn what_is_no_file_is_refused_and_what_is_missing_is_told() {
        let folder = tree();
        let socket = folder.path().join("s");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let given = vec!["/dev/null".into(), socket, folder.path().join("none")];
        let mut walk = Walk::new(given, false);
        let found = names(&mut walk, folder.path());
        let refused =
            |line: &String, name: &str, why: &str| line.starts_with(name) && line.contains(why);
        assert!(refused(&found[0], "/dev/null", "device"), "{found:?}");
        assert!(refused(&found[1], "s:", "socket"), "{found:?}");
        assert!(refused(&found[2], "none:", "no such file"), "{found:?}");
    }

    #[test]
    fn standard_input_is_read_once() {
        let mut walk = Walk::new(vec!["-".into(), "-".into()], false);
        assert_eq!(walk.next(), Some(Target::Stdin));
        assert!(matches!(walk.next(), Some(Target::Failed(_, why)) if why.contains("twice")));
    }
}
