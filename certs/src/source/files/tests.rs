//! Identity from files: how changes are seen, and halves are not.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::ca::IssuedSvid;
use crate::rotation::Current;
use crate::testing::*;

const ID: &str = "spiffe://a.example/x";

/// A folder as kubelet mounts a Secret: files are links into `..data`, a link to a dated folder.
struct Volume(TempDir);

impl Volume {
    fn new(svid: &IssuedSvid, bundle: &str) -> Volume {
        let volume = Volume(TempDir::new().unwrap());
        volume.publish("..2026_01", svid, bundle);
        for name in ["tls.crt", "tls.key", "ca.crt"] {
            symlink(Path::new("..data").join(name), volume.0.path().join(name)).unwrap();
        }
        volume
    }

    /// Writes a new dated folder and swaps `..data` to it in one rename.
    fn publish(&self, dated: &str, svid: &IssuedSvid, bundle: &str) {
        let root = self.0.path();
        fs::create_dir(root.join(dated)).unwrap();
        fs::write(root.join(dated).join("tls.crt"), &svid.chain_pem).unwrap();
        fs::write(root.join(dated).join("tls.key"), &svid.key_pem).unwrap();
        fs::write(root.join(dated).join("ca.crt"), bundle).unwrap();
        symlink(dated, root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    }

    fn files(&self) -> Files {
        let at = |name: &str| self.0.path().join(name);
        Files { chain: at("tls.crt"), key: at("tls.key"), bundle: at("ca.crt") }
    }
}

#[test]
fn a_kubernetes_swap_is_noticed_and_loaded() {
    let authority = authority("a.example");
    let bundle = authority.certificate_pem();
    let volume = Volume::new(&issue(&authority, ID), bundle);
    let files = volume.files();
    let stamp = files.stamp();
    assert_eq!(files.stamp(), stamp, "nothing happened");
    let current = Current::new(files.load(now()).unwrap());
    let before = current.load();

    volume.publish("..2026_02", &issue(&authority, ID), bundle);
    assert_ne!(files.stamp(), stamp);
    current.offer(files.load(now()).unwrap(), now()).unwrap();
    assert_ne!(current.load().fingerprint(), before.fingerprint());
}

#[test]
fn a_swap_of_the_bundle_alone_is_noticed() {
    let (old, new) = (authority("a.example"), authority("a.example"));
    let svid = issue(&old, ID);
    let volume = Volume::new(&svid, old.certificate_pem());
    let stamp = volume.files().stamp();
    volume.publish("..2026_02", &svid, &[old.certificate_pem(), new.certificate_pem()].concat());
    assert_ne!(volume.files().stamp(), stamp);
}

#[test]
fn bad_material_is_kept_out_and_named() {
    let authority = authority("a.example");
    let bundle = authority.certificate_pem();
    let good = issue(&authority, ID);
    let volume = Volume::new(&good, bundle);
    let files = volume.files();
    let current = Current::new(files.load(now()).unwrap());
    let print = current.load().fingerprint().to_owned();

    let torn = IssuedSvid { key_pem: issue(&authority, ID).key_pem, ..good.clone() };
    let cut = IssuedSvid { chain_pem: good.chain_pem[..200].to_owned(), ..good.clone() };
    let stranger = crate::testing::authority("a.example");
    let swaps = [
        ("..a", &torn, bundle, "tls.key", "does not belong to the leaf"),
        ("..b", &cut, bundle, "tls.crt", "its END line is missing"),
        ("..c", &good, "", "ca.crt", "holds no certificate"),
        ("..d", &good, stranger.certificate_pem(), "tls.crt", "no root signed it"),
    ];
    for (dated, svid, bundle, file, words) in swaps {
        let stamp = files.stamp();
        volume.publish(dated, svid, bundle);
        assert_ne!(files.stamp(), stamp, "{dated}");
        let error = files.load(now()).map(drop).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains(words), "{error}");
        assert_eq!(current.load().fingerprint(), print);
    }
}

#[test]
fn a_file_rewritten_in_place_or_gone_is_noticed() {
    let authority = authority("a.example");
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let files = Files { chain: at("c"), key: at("k"), bundle: at("b") };
    let empty = files.stamp();
    let error = files.load(now()).map(drop).unwrap_err();
    assert_eq!(error.path, Some(at("c")));
    assert_eq!(error.part, Part::Chain);

    let svid = issue(&authority, ID);
    fs::write(at("c"), &svid.chain_pem).unwrap();
    fs::write(at("k"), &svid.key_pem).unwrap();
    fs::write(at("b"), authority.certificate_pem()).unwrap();
    let written = files.stamp();
    assert_ne!(written, empty);
    assert!(files.load(now()).is_ok());

    fs::write(at("c"), svid.chain_pem + "\n").unwrap();
    let longer = files.stamp();
    assert_ne!(longer, written);
    assert!(files.load(now()).is_ok(), "a newline at the end does no harm");

    fs::write(at("k"), svid.key_pem + "\n").unwrap();
    let keyed = files.stamp();
    assert_ne!(keyed, longer, "each of the three files counts");

    fs::rename(at("b"), at("elsewhere")).unwrap();
    assert_ne!(files.stamp(), keyed);
    let error = files.load(now()).map(drop).unwrap_err();
    assert_eq!((error.part, error.path), (Part::Bundle, Some(at("b"))));
}
