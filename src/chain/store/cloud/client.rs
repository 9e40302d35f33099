//! Clients of the three clouds, from the environment.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::list::PaginatedListStore;
use object_store::{ClientConfigKey, Error, ObjectStore, RetryConfig};

use super::super::address::Cloud;
use super::status::Noting;

/// How long one request may take, and how long a connection.
const TIMEOUT: &str = "60s";
const CONNECT_TIMEOUT: &str = "10s";

/// What both kinds of calls are made on.
pub trait Client: ObjectStore + PaginatedListStore {}

impl<T: ObjectStore + PaginatedListStore> Client for T {}

/// A client of a bucket or container. It repeats nothing.
pub fn client(cloud: Cloud, bucket: &str) -> Result<Arc<dyn Client>, Error> {
    let retry = RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    };
    let limits = [
        (ClientConfigKey::Timeout, TIMEOUT),
        (ClientConfigKey::ConnectTimeout, CONNECT_TIMEOUT),
    ];
    Ok(match cloud {
        Cloud::S3 => {
            let builder = AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .with_conditional_put(S3ConditionalPut::ETagMatch)
                // One object at a time, and not all servers have the other request.
                .with_disable_bulk_delete(true)
                .with_http_connector(Noting::default())
                .with_retry(retry);
            let builder = limits.into_iter().fold(builder, |builder, (key, value)| {
                builder.with_config(AmazonS3ConfigKey::Client(key), value)
            });
            Arc::new(builder.build()?)
        }
        Cloud::Gcs => {
            let builder = emulator(GoogleCloudStorageBuilder::from_env(), variable)
                .with_bucket_name(bucket)
                .with_http_connector(Noting::default())
                .with_retry(retry);
            let builder = limits.into_iter().fold(builder, |builder, (key, value)| {
                builder.with_config(GoogleConfigKey::Client(key), value)
            });
            Arc::new(builder.build()?)
        }
        Cloud::Azure => {
            let builder = account(MicrosoftAzureBuilder::from_env(), variable)
                .with_container_name(bucket)
                .with_http_connector(Noting::default())
                .with_retry(retry);
            let builder = limits.into_iter().fold(builder, |builder, (key, value)| {
                builder.with_config(AzureConfigKey::Client(key), value)
            });
            Arc::new(builder.build()?)
        }
    })
}

/// A variable of the environment that says something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Google's tools go to this host, and show it no credentials; the crate does not look at it.
fn emulator(
    builder: GoogleCloudStorageBuilder,
    variable: impl Fn(&str) -> Option<String>,
) -> GoogleCloudStorageBuilder {
    let asked = |key| builder.get_config_value(&key).is_some();
    let Some(host) = variable("STORAGE_EMULATOR_HOST").filter(|_| !asked(GoogleConfigKey::BaseUrl))
    else {
        return builder;
    };
    let host = host.trim_end_matches('/');
    let url = match host.contains("://") {
        true => host.to_owned(),
        false => format!("http://{host}"),
    };
    let known = asked(GoogleConfigKey::BearerToken);
    let builder = builder.with_config(GoogleConfigKey::BaseUrl, url);
    match known {
        true => builder,
        // The crate asks for a token before it writes, whether or not one is wanted.
        false => builder.with_config(GoogleConfigKey::BearerToken, "emulator"),
    }
}

/// The names that Azure's own tools have for account and key; the crate has longer ones.
fn account(
    builder: MicrosoftAzureBuilder,
    variable: impl Fn(&str) -> Option<String>,
) -> MicrosoftAzureBuilder {
    [
        ("AZURE_STORAGE_ACCOUNT", AzureConfigKey::AccountName),
        ("AZURE_STORAGE_KEY", AzureConfigKey::AccessKey),
    ]
    .into_iter()
    .fold(builder, |builder, (name, key)| {
        match variable(name).filter(|_| builder.get_config_value(&key).is_none()) {
            Some(value) => builder.with_config(key, value),
            None => builder,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulator_is_found_by_the_name_that_googles_tools_use() {
        for (host, url) in [
            ("127.0.0.1:4443", "http://127.0.0.1:4443"),
            ("http://fake:4443/", "http://fake:4443"),
            ("https://fake", "https://fake"),
        ] {
            let found = emulator(GoogleCloudStorageBuilder::new(), |name| {
                (name == "STORAGE_EMULATOR_HOST").then(|| host.to_owned())
            });
            let base = found.get_config_value(&GoogleConfigKey::BaseUrl);
            assert_eq!(base.as_deref(), Some(url));
        }
        let chosen = GoogleCloudStorageBuilder::new()
            .with_config(GoogleConfigKey::BaseUrl, "https://other")
            .with_config(GoogleConfigKey::BearerToken, "own");
        let found = emulator(chosen, |_| Some("127.0.0.1:1".to_owned()));
        let base = found.get_config_value(&GoogleConfigKey::BaseUrl);
        assert_eq!(base.as_deref(), Some("https://other"));
        let plain = emulator(GoogleCloudStorageBuilder::new(), |_| None);
        assert_eq!(plain.get_config_value(&GoogleConfigKey::BaseUrl), None);
        assert_eq!(plain.get_config_value(&GoogleConfigKey::BearerToken), None);
    }

    #[test]
    fn account_and_key_are_found_by_the_names_that_azures_tools_use() {
        let tools = |name: &str| match name {
            "AZURE_STORAGE_ACCOUNT" => Some("mine".to_owned()),
            "AZURE_STORAGE_KEY" => Some("a2V5".to_owned()),
            _ => None,
        };
        let value = |builder: &MicrosoftAzureBuilder, key| builder.get_config_value(&key);
        let found = account(MicrosoftAzureBuilder::new(), tools);
        assert_eq!(value(&found, AzureConfigKey::AccountName).unwrap(), "mine");
        assert_eq!(value(&found, AzureConfigKey::AccessKey).unwrap(), "a2V5");
        let chosen = MicrosoftAzureBuilder::new().with_account("other");
        let found = account(chosen, tools);
        assert_eq!(value(&found, AzureConfigKey::AccountName).unwrap(), "other");
    }
}
