//! Whose process is at the other end of a connection within this machine.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};

/// True where the other end is a process of this process's user, or of root. Where the system does
/// not tell, it is not.
pub fn peer_is_own_user(stream: &TcpStream) -> bool {
    let same = || -> io::Result<bool> {
        let user = user_of(&stream.peer_addr()?, &stream.local_addr()?)?;
        Ok(user.is_some_and(|user| user == 0 || own_user() == Some(user)))
    };
    same().unwrap_or(false)
}

#[cfg(target_os = "linux")]
fn own_user() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self")
        .ok()
        .map(|found| found.uid())
}

#[cfg(not(target_os = "linux"))]
fn own_user() -> Option<u32> {
    None
}

/// The user who owns the socket with these two ends, in the network namespace of this process.
#[cfg(target_os = "linux")]
fn user_of(own: &SocketAddr, other: &SocketAddr) -> io::Result<Option<u32>> {
    // An IPv4 connection may be one of an IPv6 socket.
    for (table, mapped) in [("/proc/net/tcp", false), ("/proc/net/tcp6", true)] {
        let text = match std::fs::read_to_string(table) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        if let Some(user) = find(&text, &words(own, mapped), &words(other, mapped)) {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

#[cfg(not(target_os = "linux"))]
fn user_of(_own: &SocketAddr, _other: &SocketAddr) -> io::Result<Option<u32>> {
    Ok(None)
}

/// The row with these two ends: number, local, remote, state, queues, timer, retransmits, user.
fn find(table: &str, own: &str, other: &str) -> Option<u32> {
    let rows = table.lines().skip(1);
    let mut rows = rows.map(|line| line.split_ascii_whitespace().skip(1));
    rows.find_map(|mut words| {
        let ends = words.next() == Some(own) && words.next() == Some(other);
        ends.then(|| words.nth(4)?.parse().ok()).flatten()
    })
}

/// An address as the kernel writes it: words of four bytes in the machine's order.
#[allow(clippy::host_endian_bytes)]
fn words(address: &SocketAddr, mapped: bool) -> String {
    let octets = match address.ip() {
        IpAddr::V4(ip) if mapped => ip.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let (words, _) = octets.as_chunks::<4>();
    let text: String = words
        .iter()
        .map(|word| format!("{:08X}", u32::from_ne_bytes(*word)))
        .collect();
    format!("{text}:{:04X}", address.port())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_other_end_of_an_own_connection_is_an_own_process() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                continue; // no IPv6 here
            };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, _) = listener.accept().unwrap();
            assert!(peer_is_own_user(&server), "{address}");
            assert!(peer_is_own_user(&client), "{address}");
        }
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_row_belongs_to_the_user_that_it_names() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 1 1\n\
            1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 65534        0 2 1\n";
        let end = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (server, client) = (words(&end(8080), false), words(&end(50000), false));
        assert_eq!(find(table, &client, &server), Some(65534));
        assert_eq!(find(table, &server, &client), Some(1000));
        assert_eq!(find(table, &server, &server), None);
        assert_eq!(find("no table", &server, &client), None);
        assert_eq!(
            words(&end(1), true),
            "0000000000000000FFFF00000100007F:0001"
        );
    }
}
