//! Rosters and keys that a policy names, read from beside it. Invariant: what was looked at is
//! remembered as it was before it was read, so that no change is missed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use dlp::Key;
use dlp::exact::ExactSet;
use policy::Materials;

/// Bytes of a roster file; all of it is kept in memory.
const ROSTER_BYTES_MAX: u64 = 4 << 30;
/// Bytes of a key file.
const KEY_BYTES_MAX: u64 = 64 << 10;

/// What changes when files change: each one's resolved path, size and time. What is not there is
/// not in it.
pub type Stamp = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// How these files look now.
pub fn stamp<'a>(files: impl IntoIterator<Item = &'a Path>) -> Stamp {
    let look = |file: &Path| {
        let metadata = std::fs::metadata(file).ok()?;
        let resolved = std::fs::canonicalize(file).ok()?;
        Some((resolved, (metadata.len(), metadata.modified().ok())))
    };
    files.into_iter().filter_map(look).collect()
}

/// Files that were asked for, and how they looked before they were read.
#[derive(Debug, Default)]
pub struct Looked {
    paths: BTreeSet<PathBuf>,
    stamp: Stamp,
}

impl Looked {
    /// Whether none was asked for.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether any looks otherwise now.
    pub fn has_changed(&self) -> bool {
        !self.is_empty() && stamp(self.paths.iter().map(PathBuf::as_path)) != self.stamp
    }
}

/// The folder that a policy's paths are relative to. For one compilation.
#[derive(Debug)]
pub struct MaterialsFolder {
    folder: PathBuf,
    looked: RefCell<Looked>,
    /// Profiles share a roster that several of them name.
    rosters: RefCell<BTreeMap<(PathBuf, PathBuf), Arc<ExactSet>>>,
}

impl MaterialsFolder {
    /// Of a policy that is a folder, or one file.
    pub fn beside(policy: &Path) -> Self {
        let folder = if policy.is_file() { policy.parent() } else { Some(policy) };
        Self {
            folder: folder.unwrap_or(Path::new("")).to_owned(),
            looked: RefCell::default(),
            rosters: RefCell::default(),
        }
    }

    /// What was asked for.
    pub fn looked(self) -> Looked {
        self.looked.into_inner()
    }

    fn read(&self, path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
        {
            let mut looked = self.looked.borrow_mut();
            // Only the first look counts: what it says of a file that is read again is older.
            if looked.paths.insert(path.to_owned()) {
                looked.stamp.extend(stamp([path]));
            }
        }
        let plain = |error: std::io::Error| {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_lowercase()
        };
        // A pipe would be waited for.
        let metadata = std::fs::metadata(path).map_err(plain)?;
        if !metadata.is_file() {
            return Err("it is no file".to_owned());
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(plain)?;
        file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(plain)?;
        if bytes.len() as u64 > bytes_max {
            return Err(format!("it is larger than {bytes_max} bytes"));
        }
        Ok(bytes)
    }

    fn read_key(&self, path: &Path) -> Result<Key, String> {
        Key::new(&self.read(path, KEY_BYTES_MAX)?).map_err(|error| error.to_string())
    }
}

impl Materials for MaterialsFolder {
    fn roster(&self, file: &str, key_file: &str) -> Result<Arc<ExactSet>, String> {
        let place = (self.folder.join(file), self.folder.join(key_file));
        if let Some(known) = self.rosters.borrow().get(&place) {
            return Ok(Arc::clone(known));
        }
        // Both are looked at, whichever fails: either may be what is mended.
        let bytes = self.read(&place.0, ROSTER_BYTES_MAX);
        let key = self.read_key(&place.1).map_err(|why| format!("its key `{key_file}`: {why}"));
        let set = ExactSet::open(bytes?, &key?).map_err(|error| error.to_string())?;
        let set = Arc::new(set);
        self.rosters.borrow_mut().insert(place, Arc::clone(&set));
        Ok(set)
    }

    fn key(&self, file: &str) -> Result<Key, String> {
        self.read_key(&self.folder.join(file))
    }
}
