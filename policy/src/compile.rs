//! From the texts of a policy folder to a [`Policy`], or to all that is wrong with it.
//!
//! The only maker of [`InvalidPolicy`]. Files are merged in the order of their names; names are unique
//! across them. What the schema knows and this version cannot do yet is refused by name, never ignored.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::content::ContentProfile;
use crate::egress::Egress;
use crate::file::PolicyFile;
use crate::inbound::Inbound;
use crate::policy::Policy;
use crate::review::PolicyTest;

mod content;
mod contract;
mod detectors;
mod endpoints;
mod faults;
mod lint;
mod materials;
mod names;
mod parse;
mod read;
mod rules;
mod tests_of;
mod tls;
mod via;

use faults::Faults;
pub use faults::{FAULTS_MAX, InvalidPolicy, Warning};
pub use materials::Materials;
use names::Names;

/// Most files in a policy folder.
pub const FILES_MAX: usize = 1024;

/// Largest policy file, in bytes.
pub const FILE_BYTES_MAX: usize = 32 << 20;

/// One file of a policy folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The file's name, as errors show it. Files are merged in the order of their names.
    pub name: String,
    /// The file's text.
    pub text: String,
}

/// A policy that compiled.
#[derive(Debug)]
pub struct Compiled {
    /// The policy.
    pub policy: Policy,
    /// The content profiles that have a name, also those that no rule uses.
    pub profiles: Vec<Arc<ContentProfile>>,
    /// Rosters and keys that the policy names, as they are written there.
    pub files: Vec<String>,
    /// What is allowed and yet likely not meant.
    pub warnings: Vec<Warning>,
    pub(crate) tests: Vec<PolicyTest>,
    pub(crate) expiries: Vec<lint::Expiry>,
}

impl Policy {
    /// Compiles the files of a policy folder, without the rosters and keys that it names: a profile
    /// that has some lets nothing through. For whoever asks what a policy says.
    ///
    /// # Errors
    ///
    /// As for [`Policy::compile_with`].
    pub fn compile(sources: &[Source]) -> Result<Compiled, Vec<InvalidPolicy>> {
        compile(sources, None)
    }

    /// Compiles the files of a policy folder, with the rosters and keys that it names.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with file, line, column and what to do; at most [`FAULTS_MAX`]. In a
    /// file whose shape is wrong (an unknown field, a wrong type) only the first such fault is known; and
    /// names that such a file may have defined are not reported as missing elsewhere.
    pub fn compile_with(
        sources: &[Source],
        materials: &dyn Materials,
    ) -> Result<Compiled, Vec<InvalidPolicy>> {
        compile(sources, Some(materials))
    }
}

fn compile(
    sources: &[Source],
    materials: Option<&dyn Materials>,
) -> Result<Compiled, Vec<InvalidPolicy>> {
    let mut faults = Faults::default();
    let sources = sorted(sources, &mut faults);
    let mut files: Vec<(Arc<str>, PolicyFile)> = Vec::with_capacity(sources.len());
    for source in &sources {
        match parse::parse(&source.text) {
            Ok(file) => files.push((Arc::from(source.name.as_str()), file)),
            Err(fault) => faults.push_error(InvalidPolicy::at(&source.name, fault)),
        }
    }
    let names = Names::gather(&files, files.len() == sources.len(), &mut faults);
    read_headers(&files, &mut faults);
    let regions = endpoints::permitted_regions(&files, &mut faults);
    let mut endpoints = endpoints::compile(&files, regions.as_ref(), &mut faults);
    via::link(&files, &names, &mut endpoints, &mut faults);
    let profiles = content::compile(&files, materials, &mut faults);
    let links = rules::Links { names: &names, profiles: &profiles };
    let egress = rules::egress(&files, &links, &mut faults);
    rules::check_ways(&files, &endpoints, &egress, &mut faults);
    let inbound = rules::inbound(&files, &links, &mut faults);
    let tests = tests_of::compile(&files, &names, &mut faults);
    let expiries = lint::expiries(&files);
    lint::unused(&files, &mut faults);
    lint::shadowed(&files, &egress, &mut faults);
    let hash = hash(&sources);
    let warnings = faults.finish()?;
    let egress = Egress::new(endpoints, egress);
    let policy = Policy::new(hash, egress, Inbound::new(inbound));
    let profiles = profiles.into_iter().flatten().collect();
    let files = materials::named(&files);
    Ok(Compiled { policy, profiles, files, warnings, tests, expiries })
}

/// The files by name, or what is wrong with the folder as a whole.
fn sorted<'a>(sources: &'a [Source], faults: &mut Faults) -> Vec<&'a Source> {
    let mut sorted: Vec<&Source> = sources.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    if sorted.is_empty() {
        faults.push_error(InvalidPolicy::of_folder("the folder holds no policy file", "add one"));
    }
    if sorted.len() > FILES_MAX {
        let fix = format!("merge some: {FILES_MAX} is the most");
        faults.push_error(InvalidPolicy::of_folder("the folder holds too many files", &fix));
        sorted.truncate(FILES_MAX);
    }
    for pair in sorted.windows(2) {
        if let [a, b] = pair
            && a.name == b.name
        {
            let fault = faults::Fault::whole("this file was given twice", "give each file once");
            faults.push_error(InvalidPolicy::at(&a.name, fault));
        }
    }
    sorted.retain(|source| {
        let fits = source.text.len() <= FILE_BYTES_MAX;
        if !fits {
            let fix = format!("split it: {FILE_BYTES_MAX} bytes is the most");
            let fault = faults::Fault::whole("the file is too large", &fix);
            faults.push_error(InvalidPolicy::at(&source.name, fault));
        }
        fits
    });
    sorted
}

/// `apiVersion`, `kind`, `metadata` and `unmatched` of every file.
fn read_headers(files: &[(Arc<str>, PolicyFile)], faults: &mut Faults) {
    for (name, file) in files {
        faults.enter(name);
        read::word(faults, &file.api_version, "apiVersion", &[("lazaret/v1", ())]);
        read::word(faults, &file.kind, "kind", &[("Policy", ())]);
        if let Some(metadata) = &file.metadata {
            read::name(faults, &metadata.value.name, "metadata.name");
        }
        let modes = [("enforce", false), ("monitor", true)];
        let unmatched = file.unmatched.as_ref();
        let monitored = unmatched.and_then(|word| read::word(faults, word, "unmatched", &modes));
        if let (Some(true), Some(word)) = (monitored, unmatched) {
            // Without an endpoint there is no address list, no proof of the peer and no content profile.
            faults.error(
                word.referenced,
                "not supported yet: unmatched: monitor",
                "leave `unmatched` out; a rule's own `enforcement: monitor` works",
            );
        } else if let Some(until) = &file.until {
            faults.error(
                until.referenced,
                "`until` at the top level belongs to unmatched: monitor",
                "leave it out, or put it beside the rule's `enforcement: monitor`",
            );
        }
    }
}

/// Lengths go in too, so that no two folders share a digest by moving text between name and content.
fn hash(sources: &[&Source]) -> Arc<str> {
    let mut digest = Sha256::new();
    for source in sources {
        for part in [&source.name, &source.text] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
    }
    let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Arc::from(format!("sha256:{hex}"))
}
