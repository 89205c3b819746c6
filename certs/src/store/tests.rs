//! Files: modes, whole writes, and limits.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::testing::{authority, issue};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_ca_is_kept_where_only_its_owner_reads_the_key() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path().join("deep/ca");
    let authority = authority("a.example");
    save_authority(&folder, &authority, Existing::Keep).unwrap();
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join(CA_KEY)), 0o600);
    assert_eq!(mode(&folder.join(CA_CERTIFICATE)) & 0o600, 0o600);
    assert_eq!(names(&folder), [CA_KEY, CA_CERTIFICATE], "no scratch file stays");
    let read = load_authority(&folder).unwrap();
    assert_eq!(read.certificate_pem(), authority.certificate_pem());
    assert_eq!(read.key_pem(), authority.key_pem());
}

#[test]
fn a_ca_is_never_replaced_unless_told() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let (first, second) = (authority("a.example"), authority("a.example"));
    save_authority(folder, &first, Existing::Keep).unwrap();
    let refused = save_authority(folder, &second, Existing::Keep).unwrap_err();
    assert!(matches!(&refused, StoreError::Exists(_)), "{refused}");
    assert_eq!(load_authority(folder).unwrap().key_pem(), first.key_pem());

    // Half a CA is one too.
    fs::remove_file(folder.join(CA_CERTIFICATE)).unwrap();
    assert!(save_authority(folder, &second, Existing::Keep).is_err());
    assert_eq!(fs::read_to_string(folder.join(CA_KEY)).unwrap(), first.key_pem());
    assert_eq!(names(folder), [CA_KEY], "no scratch file stays");

    save_authority(folder, &second, Existing::Replace).unwrap();
    assert_eq!(load_authority(folder).unwrap().key_pem(), second.key_pem());
}

#[test]
fn replacing_a_key_that_others_could_read_closes_it() {
    let scratch = TempDir::new().unwrap();
    let path = scratch.path().join("key.pem");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    write_secret(&path, b"new", Existing::Replace).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(read(&path).unwrap(), b"new");
}

#[test]
fn a_link_in_the_way_is_not_followed() {
    let scratch = TempDir::new().unwrap();
    let victim = scratch.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let path = scratch.path().join("key.pem");
    std::os::unix::fs::symlink(&victim, &path).unwrap();
    assert!(matches!(write_secret(&path, b"x", Existing::Keep), Err(StoreError::Exists(_))));
    write_secret(&path, b"x", Existing::Replace).unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert_eq!(read(&path).unwrap(), b"x");
}

#[test]
fn an_svid_folder_is_a_files_source() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let authority = authority("a.example");
    let svid = issue(&authority, "spiffe://a.example/x");
    save_svid(folder, &svid, authority.certificate_pem(), Existing::Keep).unwrap();
    assert_eq!(mode(&folder.join(SVID_KEY)), 0o600);
    let files = crate::source::Files {
        chain: folder.join(SVID_CHAIN),
        key: folder.join(SVID_KEY),
        bundle: folder.join(SVID_BUNDLE),
    };
    assert!(files.load(crate::testing::now()).is_ok());
}

#[test]
fn reading_has_limits_and_says_which_file() {
    let scratch = TempDir::new().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let missing = read(&at("missing")).unwrap_err();
    assert!(missing.to_string().contains("missing"), "{missing}");
    assert!(matches!(read(scratch.path()), Err(StoreError::NotAFile(_))));
    fs::write(at("largest"), vec![b'x'; MATERIAL_BYTES_MAX]).unwrap();
    assert_eq!(read(&at("largest")).unwrap().len(), MATERIAL_BYTES_MAX);
    fs::write(at("larger"), vec![b'x'; MATERIAL_BYTES_MAX + 1]).unwrap();
    assert!(matches!(read(&at("larger")), Err(StoreError::TooLarge(_))));
    // Endless, and not a regular file.
    assert!(matches!(read(Path::new("/dev/zero")), Err(StoreError::NotAFile(_))));
    let unwritable = write_public(&at("no/such/folder"), b"x", Existing::Keep).unwrap_err();
    assert!(matches!(unwritable, StoreError::Io { .. }));
}
