//! Regions: where an endpoint says it is, and what its own name says about that.
//!
//! A region is a short name. A policy may use names of its own (`hospital-dc1`); the names that cloud
//! providers use are known, so that a host which carries one of them cannot be declared elsewhere.

use std::fmt;
use std::sync::Arc;

use crate::host::HostPattern;

/// Longest region name, in bytes.
pub const REGION_BYTES_MAX: usize = 64;

/// A region's name: lower-case letters, digits and hyphens, starting with a letter.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Region(Arc<str>);

impl Region {
    /// Parses a region name.
    ///
    /// # Errors
    ///
    /// [`InvalidRegion`] for anything but 1 to 64 characters of `[a-z0-9-]` that start with a letter.
    pub fn parse(text: &str) -> Result<Region, InvalidRegion> {
        let starts = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if starts && text.len() <= REGION_BYTES_MAX && text.bytes().all(plain) {
            Ok(Region(Arc::from(text)))
        } else {
            Err(InvalidRegion)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a cloud provider uses this name.
    pub fn is_known(&self) -> bool {
        KNOWN.contains(&&*self.0)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not a region name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a region is 1 to 64 characters of a-z, 0-9 and `-`, starting with a letter")]
pub struct InvalidRegion;

/// The provider region that a host pattern carries as a label of its own, such as `us-east-1` in
/// `*.s3.us-east-1.amazonaws.com`. The last such label counts: what stands before it is the customer's.
///
/// Only names under a provider's domain are read so: on a hospital's own domain, labels mean what the
/// hospital wants.
pub fn named_by(pattern: &HostPattern) -> Option<&'static str> {
    let text = pattern.as_str();
    let provider = PROVIDER_DOMAINS
        .iter()
        .find_map(|domain| text.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.')))?;
    provider.rsplit('.').find_map(|label| KNOWN.iter().copied().find(|name| *name == label))
}

/// All provider region names, for suggestions.
pub(crate) fn known() -> &'static [&'static str] {
    KNOWN
}

/// Domains under which a label that equals a region name is that region.
const PROVIDER_DOMAINS: &[&str] = &[
    "amazonaws.com",
    "amazonaws.com.cn",
    "api.aws",
    "azurecr.io",
    "azmk8s.io",
    "azure.com",
    "googleapis.com",
    "oraclecloud.com",
    "oci.customer-oci.com",
];

/// Region names that AWS, Google Cloud, Azure and Oracle Cloud publish.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    // AWS
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
    "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4",
    "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "cn-north-1",
    "cn-northwest-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2",
    "eu-west-1", "eu-west-2", "eu-west-3", "eusc-de-east-1", "il-central-1", "me-central-1",
    "me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1",
    "us-gov-west-1", "us-west-1", "us-west-2",
    // Google Cloud
    "africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2",
    "asia-northeast3", "asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2",
    "australia-southeast1", "australia-southeast2", "europe-central2", "europe-north1",
    "europe-north2", "europe-southwest1", "europe-west1", "europe-west10", "europe-west12",
    "europe-west2", "europe-west3", "europe-west4", "europe-west6", "europe-west8", "europe-west9",
    "me-central1", "me-central2", "me-west1", "northamerica-northeast1", "northamerica-northeast2",
    "northamerica-south1", "southamerica-east1", "southamerica-west1", "us-central1", "us-east1",
    "us-east4", "us-east5", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4",
    // Azure
    "australiacentral", "australiaeast", "australiasoutheast", "austriaeast", "belgiumcentral",
    "brazilsouth", "canadacentral", "canadaeast", "centralindia", "centralus", "chilecentral",
    "eastasia", "eastus", "eastus2", "francecentral", "germanywestcentral", "indonesiacentral",
    "israelcentral", "italynorth", "japaneast", "japanwest", "koreacentral", "koreasouth",
    "malaysiawest", "mexicocentral", "newzealandnorth", "northcentralus", "northeurope",
    "norwayeast", "polandcentral", "qatarcentral", "southafricanorth", "southcentralus",
    "southindia", "southeastasia", "spaincentral", "swedencentral", "switzerlandnorth", "uaenorth",
    "uksouth", "ukwest", "westcentralus", "westeurope", "westindia", "westus", "westus2", "westus3",
    // Oracle Cloud
    "ap-melbourne-1", "ap-mumbai-1", "ap-osaka-1", "ap-seoul-1", "ap-singapore-1", "ap-sydney-1",
    "ap-tokyo-1", "ca-montreal-1", "ca-toronto-1", "eu-amsterdam-1", "eu-frankfurt-1",
    "eu-madrid-1", "eu-milan-1", "eu-paris-1", "eu-stockholm-1", "eu-zurich-1", "il-jerusalem-1",
    "me-dubai-1", "me-jeddah-1", "sa-saopaulo-1", "sa-santiago-1", "uk-cardiff-1", "uk-london-1",
    "us-ashburn-1", "us-chicago-1", "us-phoenix-1", "us-sanjose-1",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Option<&'static str> {
        named_by(&HostPattern::parse(text).unwrap())
    }

    #[test]
    fn a_provider_name_tells_its_region() {
        assert_eq!(named("models.s3.us-east-1.amazonaws.com"), Some("us-east-1"));
        assert_eq!(named("*.s3.eu-west-1.amazonaws.com"), Some("eu-west-1"));
        assert_eq!(named("storage.europe-west3.rep.googleapis.com"), Some("europe-west3"));
    }

    #[test]
    fn the_customers_own_label_does_not_count() {
        assert_eq!(named("us-east-1.s3.eu-west-1.amazonaws.com"), Some("eu-west-1"));
        assert_eq!(named("us-east-1.registry.ml.internal"), None);
        assert_eq!(named("us-east-1.s3.amazonaws.com.evil.example"), None);
        assert_eq!(named("s3.amazonaws.com"), None);
    }

    #[test]
    fn region_names_are_plain() {
        assert!(Region::parse("hospital-dc1").is_ok());
        for bad in ["", "US-EAST-1", "1-east", "a b", "é"] {
            assert_eq!(Region::parse(bad), Err(InvalidRegion), "{bad}");
        }
        assert!(Region::parse(&"a".repeat(65)).is_err());
    }
}
