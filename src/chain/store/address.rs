//! `dir:PATH`, `s3://BUCKET/PREFIX`, `gs://...`, `az://...`.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{DirStore, Store, StoreError, StoreErrorKind};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A directory.
    Dir(PathBuf),
    /// A bucket or container of a cloud.
    Cloud {
        /// Which one.
        cloud: Cloud,
        /// Bucket or container.
        bucket: String,
        /// What all names begin with, without slashes at its ends; may be empty.
        prefix: String,
    },
}

/// A kind of object storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon S3 and what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl Cloud {
    /// How addresses of this kind begin.
    pub fn scheme(self) -> &'static str {
        match self {
            Cloud::S3 => "s3",
            Cloud::Gcs => "gs",
            Cloud::Azure => "az",
        }
    }
}

impl Address {
    /// True where the text looks like the address of a store, right or wrong: other sources have
    /// other beginnings.
    pub fn is_address(text: &str) -> bool {
        ["dir:", "s3:", "gs:", "az:"]
            .iter()
            .any(|s| text.starts_with(s))
    }

    /// The address as it is kept in a file: a directory is found from wherever a command runs. One place has one
    /// address, with a slash at its end or without.
    pub fn lasting(text: &str) -> String {
        let path = match Address::parse(text) {
            Ok(Address::Dir(path)) => path,
            Ok(address) => return address.to_string(),
            Err(_) => return text.to_owned(),
        };
        let whole = std::path::absolute(path).map(|path| path.components().collect::<PathBuf>());
        match whole.as_deref().map(Path::to_str) {
            Ok(Some(path)) => format!("dir:{path}"),
            _ => text.to_owned(),
        }
    }

    /// Whether two addresses are of one directory that is there, whatever links lead to it.
    pub fn is_one_folder(one: &str, other: &str) -> bool {
        let folder = |text: &str| std::fs::canonicalize(text.strip_prefix("dir:")?).ok();
        folder(one).is_some_and(|one| folder(other) == Some(one))
    }

    /// Reads an address.
    pub fn parse(text: &str) -> Result<Address, StoreError> {
        let invalid = |detail| StoreError::new(StoreErrorKind::Invalid, "use", text, detail);
        if let Some(path) = text.strip_prefix("dir:") {
            return match path {
                "" => Err(invalid("dir: needs a path")),
                path => Ok(Address::Dir(path.into())),
            };
        }
        let clouds = [Cloud::S3, Cloud::Gcs, Cloud::Azure];
        let found = clouds.into_iter().find_map(|cloud| {
            let rest = text.strip_prefix(cloud.scheme())?.strip_prefix("://")?;
            Some((cloud, rest))
        });
        let Some((cloud, rest)) = found else {
            return Err(invalid(
                "an address is dir:PATH, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX",
            ));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if bucket.is_empty() || bucket.len() > 255 || !bucket.chars().all(plain) {
            return Err(invalid("the bucket has no valid name"));
        }
        let prefix = prefix.trim_matches('/');
        let part = |p: &str| !p.is_empty() && p != "." && p != ".." && p.chars().all(plain);
        if prefix.len() > 512 || !(prefix.is_empty() || prefix.split('/').all(part)) {
            return Err(invalid(
                "the prefix may have letters, digits, -, _ and . only",
            ));
        }
        Ok(Address::Cloud {
            cloud,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Dir(path) => write!(f, "dir:{}", path.display()),
            Address::Cloud {
                cloud,
                bucket,
                prefix,
            } => match prefix.as_str() {
                "" => write!(f, "{}://{bucket}", cloud.scheme()),
                prefix => write!(f, "{}://{bucket}/{prefix}", cloud.scheme()),
            },
        }
    }
}

/// Opens a store. `create` allows a directory to be made; buckets are never made.
pub fn open(address: &Address, create: bool) -> Result<Box<dyn Store>, StoreError> {
    match address {
        Address::Dir(path) => Ok(Box::new(DirStore::open(path, create)?)),
        #[cfg(feature = "cloud")]
        Address::Cloud {
            cloud,
            bucket,
            prefix,
        } => Ok(Box::new(super::cloud::CloudStore::open(
            *cloud, bucket, prefix,
        )?)),
        #[cfg(not(feature = "cloud"))]
        Address::Cloud { .. } => Err(StoreError::new(
            StoreErrorKind::Unsupported,
            "open",
            &address.to_string(),
            "this creel was built without the feature cloud",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in [
            "dir:/a/b c",
            "dir:x",
            "s3://bucket",
            "gs://b/p",
            "az://c/p/q.1",
        ] {
            assert!(Address::is_address(text));
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        let trimmed = Address::parse("s3://b//p/").unwrap();
        assert_eq!(trimmed.to_string(), "s3://b/p");
        assert_eq!(Address::lasting("s3://b//p/"), "s3://b/p");
        for text in ["dir:/a/b", "dir:/a/b/", "dir:/a//b/."] {
            assert_eq!(Address::lasting(text), "dir:/a/b");
        }
        assert!(Address::is_one_folder("dir:/", "dir:/."));
        assert!(!Address::is_one_folder("dir:/not there", "dir:/not there"));
    }

    #[test]
    fn other_addresses_are_refused() {
        for bad in [
            "",
            "dir:",
            "s3:",
            "s3://",
            "s3:///p",
            "s3://b/../x",
            "s3://b/a//b",
            "s3://b/a b",
            "http://x",
            "ftp://x/y",
            "s3://user:pass@b/x",
            "mem:",
        ] {
            let error = Address::parse(bad).unwrap_err();
            assert_eq!(error.kind, StoreErrorKind::Invalid, "{bad}");
        }
    }
}
