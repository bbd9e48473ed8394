//! What may be dialled: the rules of `lib/access`, asked where it is dialled. See "Network access" in ARCHITECTURE.md.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// Networks that are not the Internet, as in `lib/access/address.ts`.
const RESERVED: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// An address that is an IPv4 address in another form.
const EMBEDDING: &str = "64:ff9b::/96";

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads an address, or a network in CIDR notation.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    fn has(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.bits);
                u32::from(network).checked_shr(shift).unwrap_or(0) == u32::from(address).checked_shr(shift).unwrap_or(0)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.bits);
                u128::from(network).checked_shr(shift).unwrap_or(0)
                    == u128::from(address).checked_shr(shift).unwrap_or(0)
            }
            _ => false,
        }
    }
}

fn is_in(networks: &[&str], address: IpAddr) -> bool {
    networks.iter().filter_map(|text| Network::parse(text)).any(|network| network.has(address))
}

/// The address as an IPv4 address if it is one.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if v6.to_ipv4_mapped().is_none() && !is_in(&[EMBEDDING], address) {
        return address;
    }
    let [.., a, b, c, d] = Ipv6Addr::octets(&v6);
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// Rules that allow what they list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkRules {
    pub schemes: Vec<String>,
    pub hosts: Vec<String>,
    pub addresses: Vec<Network>,
}

impl NetworkRules {
    /// Why no connection to an address may be made; None if one may.
    #[must_use]
    pub fn refusal_of_address(&self, address: IpAddr) -> Option<String> {
        let plain = plain(address);
        if self.addresses.iter().any(|network| network.has(plain)) || !is_in(RESERVED, plain) {
            return None;
        }
        Some(format!("The address {address} is not one of the Internet, and not among those that are allowed."))
    }

    /// Why a URL of a web server may not be asked for; None if it may.
    #[must_use]
    pub fn refusal_of_url(&self, url: &Url) -> Option<String> {
        let scheme = url.scheme();
        let is_known = self.schemes.iter().any(|listed| {
            let listed = listed.trim_end_matches('/').trim_end_matches(':');
            listed.eq_ignore_ascii_case(scheme)
        });
        if !is_known || !matches!(scheme, "http" | "https") {
            return Some(format!("The scheme \"{scheme}\" is not among those that are allowed."));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Some("It has a user or a password in it.".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_suffix('.').unwrap_or(host);
        if !self.hosts.iter().any(|pattern| matches_host(pattern, host, url)) {
            let port = url.port().map_or(String::new(), |port| format!(":{port}"));
            return Some(format!("The host \"{host}{port}\" is not among those that are allowed."));
        }
        literal(url).and_then(|address| self.refusal_of_address(address))
    }
}

/// The address that a URL has in place of a name.
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').parse().ok()
}

fn matches_host(pattern: &str, host: &str, url: &Url) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let end = pattern.rfind(']').map_or(0, |end| end + 1);
    let (name, wanted) = match pattern[end..].find(':') {
        Some(at) => (&pattern[..end + at], &pattern[end + at + 1..]),
        None => (&*pattern, ""),
    };
    // A URL does not keep the port that is its scheme's own.
    let is_port = |port: Option<u16>| wanted == port.map_or(String::new(), |port| port.to_string());
    if !is_port(url.port()) && !is_port(url.port_or_known_default()) {
        return false;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    match name.strip_prefix('*') {
        Some(suffix) if suffix.starts_with('.') => host.ends_with(suffix) && host.len() > suffix.len(),
        _ => name == host,
    }
}

/// What a rule does not allow, and why.
#[derive(Debug)]
pub(crate) struct Denied(pub String);

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Denied {}

/// Rules that must all allow it; without any everything is open.
pub(crate) trait Allow {
    fn refusal_of_address(&self, address: IpAddr) -> Option<String>;
    fn refusal_of_url(&self, url: &Url) -> Option<String>;
}

impl Allow for [NetworkRules] {
    fn refusal_of_address(&self, address: IpAddr) -> Option<String> {
        self.iter().find_map(|rules| rules.refusal_of_address(address))
    }

    fn refusal_of_url(&self, url: &Url) -> Option<String> {
        self.iter().find_map(|rules| rules.refusal_of_url(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_that_of_the_scheme_where_none_is_said() {
        for (pattern, url, is_allowed) in [
            ("a.com", "https://a.com/", true),
            ("a.com:443", "https://a.com/", true),
            ("a.com:443", "https://a.com:443/", true),
            ("a.com:80", "http://a.com/", true),
            ("a.com:8443", "https://a.com:8443/", true),
            ("a.com:443", "http://a.com/", false),
            ("a.com:443", "https://a.com:8443/", false),
            ("a.com:80", "https://a.com/", false),
            ("a.com", "https://a.com:8443/", false),
        ] {
            let schemes = vec!["http".to_owned(), "https".to_owned()];
            let rules = NetworkRules { schemes, hosts: vec![pattern.to_owned()], addresses: Vec::new() };
            let url = url.parse().expect("it is a URL");
            assert_eq!(rules.refusal_of_url(&url).is_none(), is_allowed, "{pattern} {url}");
        }
    }
}
