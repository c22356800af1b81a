//! The proxies that the environment names.
//!
//! hyper's matcher decides for each call whether a proxy stands before it. This module asks the same matcher, so that
//! an error names the proxy, and no proxy is passed over silently.

use std::fmt;

use aws_smithy_http_client::proxy::ProxyConfig;
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use super::http::HttpSettingsError;

/// The variables for one kind of calls, in the order in which they are looked for. The first that is set counts, even
/// if it is empty.
type Variables = [&'static str; 2];

const HTTPS_PROXY: Variables = ["HTTPS_PROXY", "https_proxy"];
const HTTP_PROXY: Variables = ["HTTP_PROXY", "http_proxy"];
const ALL_PROXY: Variables = ["ALL_PROXY", "all_proxy"];
const NO_PROXY: Variables = ["NO_PROXY", "no_proxy"];
/// The variable of CGI programs, in which a stranger's request sets `HTTP_PROXY`: with it no proxy counts.
const CGI: &str = "REQUEST_METHOD";

/// A proxy before a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The variable that names it.
    pub setting: &'static str,
    /// Its address, without a user and a password.
    pub address: String,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.setting)
    }
}

/// The proxies of the environment.
#[derive(Debug)]
pub(super) struct Proxies {
    matcher: Matcher,
    /// The variables that count for `https` and `http` addresses.
    https: &'static str,
    http: &'static str,
}

impl Proxies {
    /// Reads the variables; `None` if no call goes through a proxy.
    ///
    /// # Errors
    /// [`HttpSettingsError`]: an address that counts cannot be used.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, HttpSettingsError> {
        let named = |names: Variables| {
            let mut set = names.iter().filter_map(|name| Some((*name, variable(name)?)));
            set.next().filter(|(_, value)| !value.is_empty())
        };
        let all = named(ALL_PROXY);
        let own = [named(HTTPS_PROXY), named(HTTP_PROXY)];
        let without = named(NO_PROXY).map(|(_, hosts)| hosts).unwrap_or_default();
        let everything = without.split(',').any(|host| host.trim() == "*");
        if (all.is_none() && own.iter().all(Option::is_none)) || everything || variable(CGI).is_some() {
            return Ok(None);
        }
        own.iter().flatten().try_for_each(|(name, address)| check(name, address))?;
        let [https, http] = own.map(|own| own.or_else(|| all.clone()));
        // AWS is called by https. Beside HTTPS_PROXY, ALL_PROXY is for http alone, and often for other programs.
        if let Some((name, address)) = &https {
            check(name, address)?;
        }
        let [https, http] = [https, http].map(Option::unwrap_or_default);
        let matcher = Matcher::builder().https(https.1).http(http.1).no(without).build();
        Ok(Some(Self { matcher, https: https.0, http: http.0 }))
    }

    /// Returns the proxy that a call to this address goes through.
    ///
    /// # Errors
    /// [`HttpSettingsError`]: the proxy cannot be used.
    pub fn before(&self, uri: &str) -> Result<Option<Proxy>, HttpSettingsError> {
        let Ok(uri) = uri.parse::<Uri>() else { return Ok(None) };
        let Some(found) = self.matcher.intercept(&uri) else { return Ok(None) };
        let setting = if uri.scheme_str() == Some("https") { self.https } else { self.http };
        let found = found.uri();
        let scheme = found.scheme_str().unwrap_or_default();
        if !scheme.starts_with("http") {
            return Err(HttpSettingsError::Socks(setting));
        }
        // A password may have an @ of its own.
        let place = found.authority().map_or("", |authority| authority.as_str());
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        Ok(Some(Proxy { setting, address: format!("{scheme}://{place}") }))
    }
}

fn check(name: &'static str, address: &str) -> Result<(), HttpSettingsError> {
    if address.to_ascii_lowercase().starts_with("socks") && address.contains("://") {
        return Err(HttpSettingsError::Socks(name));
    }
    // An address without a scheme means http, as for curl.
    let address = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    ProxyConfig::all(address).map(drop).map_err(|_| HttpSettingsError::Proxy(name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SOCKS: &str = "socks5://user:secret@proxy:1080";

    fn read(variables: &[(&str, &str)]) -> Result<Option<Proxies>, HttpSettingsError> {
        Proxies::read(|asked| variables.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned()))
    }

    /// The proxy before a call of AWS, as a person reads it.
    fn before_aws(variables: &[(&str, &str)]) -> String {
        let proxies = read(variables).unwrap();
        let proxy = proxies.and_then(|proxies| proxies.before("https://sts.eu-west-1.amazonaws.com/").unwrap());
        proxy.map_or_else(|| "none".to_owned(), |proxy| proxy.to_string())
    }

    #[test]
    fn proxy_is_named_with_its_variable_and_without_its_password() {
        for (address, shown) in [
            ("http://user:secret@proxy:3128", "http://proxy:3128 (https_proxy)"),
            ("http://user:sec@ret@proxy:3128", "http://proxy:3128 (https_proxy)"),
            ("https://proxy/path", "https://proxy (https_proxy)"),
            ("proxy:3128", "http://proxy:3128 (https_proxy)"),
            ("10.0.0.1:80", "http://10.0.0.1:80 (https_proxy)"),
        ] {
            assert_eq!(before_aws(&[("https_proxy", address)]), shown);
        }
        assert_eq!(
            before_aws(&[("ALL_PROXY", "http://all:1"), ("HTTP_PROXY", "http://plain:2")]),
            "http://all:1 (ALL_PROXY)"
        );
        assert_eq!(before_aws(&[("HTTP_PROXY", "http://plain:2")]), "none");
        assert_eq!(before_aws(&[]), "none");
    }

    #[test]
    fn empty_variable_in_capitals_hides_the_other_as_in_hypers_matcher() {
        let both = [("HTTPS_PROXY", ""), ("https_proxy", "http://proxy:3128")];
        assert_eq!(before_aws(&both), "none");
        assert_eq!(before_aws(&[both[0], both[1], ("ALL_PROXY", "http://all:1")]), "http://all:1 (ALL_PROXY)");
        let proxy = ("HTTPS_PROXY", "http://proxy:3128");
        let through = "http://proxy:3128 (HTTPS_PROXY)";
        assert_eq!(before_aws(&[proxy, ("NO_PROXY", ""), ("no_proxy", "*")]), through);
        assert_eq!(before_aws(&[proxy, ("NO_PROXY", ""), ("no_proxy", "amazonaws.com")]), through);
        assert_eq!(before_aws(&[proxy, ("no_proxy", "amazonaws.com")]), "none");
        for everything in ["*", "localhost, *"] {
            assert!(read(&[proxy, ("NO_PROXY", everything)]).unwrap().is_none());
        }
        assert_eq!(before_aws(&[proxy, (CGI, "GET")]), "none");
    }

    #[test]
    fn socks_proxy_is_refused_wherever_it_counts() {
        for variables in [
            &[("HTTPS_PROXY", SOCKS)][..],
            &[("ALL_PROXY", SOCKS)],
            &[("ALL_PROXY", SOCKS), ("HTTP_PROXY", "http://proxy:3128")],
            &[("all_proxy", "SOCKS5H://user:secret@proxy"), ("HTTPS_PROXY", "")],
        ] {
            let error = read(variables).unwrap_err().to_string();
            assert!(error.contains("names a SOCKS proxy") && !error.contains("secret"), "{error}");
        }
        let beside = read(&[("HTTPS_PROXY", "http://proxy:3128"), ("ALL_PROXY", SOCKS)]).unwrap().unwrap();
        assert!(beside.before("https://sts.amazonaws.com/").unwrap().is_some());
        let error = beside.before("http://localhost:4566/").unwrap_err().to_string();
        assert!(error.starts_with("ALL_PROXY names a SOCKS proxy"), "{error}");
        let three = [("HTTPS_PROXY", "http://a"), ("HTTP_PROXY", "http://b"), ("ALL_PROXY", SOCKS)];
        let three = read(&three).unwrap().unwrap();
        assert_eq!(three.before("http://localhost/").unwrap().unwrap().address, "http://b");
    }

    #[test]
    fn address_that_is_none_is_refused_without_being_shown() {
        for wrong in ["http://", "http://pro xy:secret", "ftp://user:secret@proxy"] {
            for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
                let error = read(&[(name, wrong)]).unwrap_err().to_string();
                assert!(error.starts_with(&format!("{name} is not the address")), "{error}");
                assert!(!error.contains("secret"), "{error}");
            }
        }
    }
}
