//! AWS's partitions, their regions and the domains of their services.
//!
//! Source: `partitions.json` of the AWS SDKs, version 1.1 ("AWS General Reference", "Amazon Resource Names" documents
//! the first three). A test compares the table with the endpoints that the SDK makes.

use crate::id::Region;

/// One partition of AWS. Accounts, roles and regions of one partition are unknown in the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// The partition's name in ARNs, such as `aws` or `aws-cn`.
    pub id: &'static str,
    /// The domain of its services' endpoints, such as `amazonaws.com`.
    pub dns_suffix: &'static str,
    /// The rule of its region codes as a regular expression, for schemas and for Terraform.
    pub regions: &'static str,
    /// The beginnings of its region codes; a word and a number follow.
    starts: &'static [&'static str],
}

const AWS: Partition = Partition {
    id: "aws",
    dns_suffix: "amazonaws.com",
    regions: r"^(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-[0-9]+$",
    starts: &["us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"],
};

/// All partitions.
pub const PARTITIONS: [Partition; 8] = [
    AWS,
    Partition { id: "aws-cn", dns_suffix: "amazonaws.com.cn", regions: "^cn-[a-z]+-[0-9]+$", starts: &["cn-"] },
    Partition {
        id: "aws-us-gov",
        dns_suffix: "amazonaws.com",
        regions: "^us-gov-[a-z]+-[0-9]+$",
        starts: &["us-gov-"],
    },
    Partition { id: "aws-iso", dns_suffix: "c2s.ic.gov", regions: "^us-iso-[a-z]+-[0-9]+$", starts: &["us-iso-"] },
    Partition {
        id: "aws-iso-b",
        dns_suffix: "sc2s.sgov.gov",
        regions: "^us-isob-[a-z]+-[0-9]+$",
        starts: &["us-isob-"],
    },
    Partition {
        id: "aws-iso-e",
        dns_suffix: "cloud.adc-e.uk",
        regions: "^eu-isoe-[a-z]+-[0-9]+$",
        starts: &["eu-isoe-"],
    },
    Partition {
        id: "aws-iso-f",
        dns_suffix: "csp.hci.ic.gov",
        regions: "^us-isof-[a-z]+-[0-9]+$",
        starts: &["us-isof-"],
    },
    Partition { id: "aws-eusc", dns_suffix: "amazonaws.eu", regions: "^eusc-de-[a-z]+-[0-9]+$", starts: &["eusc-de-"] },
];

/// The words before the number in the codes of all regions of today ("AWS Regions", AWS Account Management).
pub const DIRECTIONS: [&str; 9] =
    ["central", "east", "north", "northeast", "northwest", "south", "southeast", "southwest", "west"];

impl Partition {
    /// Returns the partition of a region by its code; none if no partition has regions of this form.
    #[must_use]
    pub fn of(region: &Region) -> Option<&'static Self> {
        let follows = |rest: &str| rest.split_once('-').is_some_and(|(_, number)| !number.contains('-'));
        let starts = |start: &&str| region.as_str().strip_prefix(start).is_some_and(follows);
        PARTITIONS.iter().find(|partition| partition.starts.iter().any(starts))
    }
}

impl Region {
    /// Returns the region's partition in ARNs. It is `aws` if the form of the region is unknown, as in the SDKs.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        Partition::of(self).unwrap_or(&AWS).id
    }

    /// Whether the word before the number is a direction, as in every region of today. Another word is probably misspelt,
    /// as in `eu-wst-1`.
    #[must_use]
    pub fn names_a_direction(&self) -> bool {
        self.as_str().rsplit('-').nth(1).is_some_and(|word| DIRECTIONS.contains(&word))
    }

    /// Returns the domain of this region's service endpoints.
    #[must_use]
    pub fn dns_suffix(&self) -> &'static str {
        Partition::of(self).unwrap_or(&AWS).dns_suffix
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn region_code_determines_one_partition() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("us-east-1", "aws"),
            ("ap-southeast-7", "aws"),
            ("mx-central-1", "aws"),
            ("il-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-west-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            let region = Region::parse(region).unwrap();
            assert_eq!(Partition::of(&region).map(|partition| partition.id), Some(partition), "{region}");
        }
        for unknown in ["xx-foo-1", "us-east-west-1", "eusc-fr-east-1", "us-isoz-east-1"] {
            assert_eq!(Partition::of(&Region::parse(unknown).unwrap()), None, "{unknown}");
        }
    }

    #[test]
    fn misspelt_direction_of_a_region_is_noticed() {
        let names_a_direction = |region| Region::parse(region).unwrap().names_a_direction();
        for real in
            ["eu-west-1", "ap-southeast-7", "cn-northwest-1", "us-gov-west-1", "us-isof-south-1", "eusc-de-east-1"]
        {
            assert!(names_a_direction(real), "{real}");
        }
        for misspelt in ["eu-wst-1", "us-eat-1", "ap-southest-2", "us-gov-wets-1"] {
            assert!(!names_a_direction(misspelt), "{misspelt}");
        }
    }

    #[test]
    fn region_prefixes_equal_the_regular_expression() {
        for partition in &PARTITIONS {
            let starts = partition.starts.iter().map(|start| start.trim_end_matches('-')).collect::<Vec<_>>().join("|");
            let starts = if partition.starts.len() == 1 { starts } else { format!("({starts})") };
            assert_eq!(partition.regions, format!("^{starts}-[a-z]+-[0-9]+$"), "{}", partition.id);
        }
    }
}
