//! PURE: reads the kernel's tables of TCP sockets (`/proc/net/tcp`, proc(5)), which show the other
//! end of a connection where that end is in this pod.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// State LISTEN, which has no other end.
const LISTEN: &str = "0A";

/// The user of the socket that is connected to `ours`, from a table's text. The user is 0 while the
/// connection waits to be accepted.
pub(super) fn other_end(table: &str, ours: SocketAddr) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let (remote, state) = (address(fields.next()?)?, fields.next()?);
        let uid = fields.nth(3)?.parse().ok()?;
        (state != LISTEN && same(remote, ours)).then_some(uid)
    })
}

fn same(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.ip().to_canonical() == b.ip().to_canonical()
}

/// `0100007F:1F90`: words of the machine's own order, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = ip.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:3A99 00000000:0000 0A 00000000:00000000 00:00000000 00000000 15000        0 1 1
   1: 0100007F:3A99 0200630A:9C40 01 00000000:00000000 00:00000000 00000000 15000        0 2 1
   2: 0200630A:9C40 0971CBCB:01BB 01 00000000:00000000 00:00000000 00000000 10001        0 3 1
   3: 0100007F:3A99 0200630A:9C41 01 00000000:00000000 00:00000000 00000000     0        0 0 1
";
    const V6: &str = "\
  sl  local_address                         remote_address                        st tx rx uid
   0: 00000000000000000000000001000000:3A99 000000FD000000000000000002000000:9C40 01 0:0 0:0 0 15000 0 4
   1: 0000000000000000FFFF00000100007F:3A99 0000000000000000FFFF00000200630A:9C40 01 0:0 0:0 0 15000 0 5
";

    #[test]
    #[cfg(target_endian = "little")]
    fn the_other_end_is_found_by_our_address() {
        for (table, ours, uid) in [
            (V4, "10.99.0.2:40000", Some(15000)),
            (V4, "10.99.0.2:40001", Some(0)),
            (V4, "10.99.0.2:40002", None),
            (V4, "0.0.0.0:0", None),
            (V6, "[fd00::2]:40000", Some(15000)),
            (V6, "10.99.0.2:40000", Some(15000)),
            ("", "10.99.0.2:40000", None),
            ("sl\n 0: 0100007F 0200630A:9C40 01\n", "10.99.0.2:40000", None),
        ] {
            assert_eq!(other_end(table, ours.parse().unwrap()), uid, "{ours}");
        }
    }
}
