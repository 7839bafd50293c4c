//! The commonest case of each protocol, short: what arrives is one whole request, and its answer is sent whole.
//!
//! HTTP: a request whose head has been seen before. Clients repeat themselves: nearly every request of a program has
//! the same head, byte for byte, and where it differs, it is in the body's length. A head that has once been read and
//! judged (`devnet/rpc/http.py`) as a plain JSON-RPC POST on a connection that goes on is remembered with the length of
//! its body; a request that begins with the very same bytes can mean nothing else. WebSocket: a masked data frame that
//! is a message of its own (RFC 6455, section 5.2).
//!
//! Not here: reading heads, and everything about a connection but this case.

use std::collections::HashMap;

use parking_lot::RwLock;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// Heads that are remembered at most.
const MAX_HEADS: usize = 4_096;
/// Longer ones (cookies, tokens) are read anew each time.
const MAX_HEAD_BYTES: usize = 1_024;

/// What goes before an answer on its way to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Nothing: somebody else does that.
    Bare,
    /// The head of a plain HTTP response on a connection that goes on.
    Http,
    /// The head of a WebSocket's text frame; nothing before nothing.
    WebSocket,
}

impl Framing {
    /// What goes before an answer of that length.
    pub(crate) fn head(self, length: usize) -> Vec<u8> {
        match self {
            Self::Bare => Vec::new(),
            Self::Http if length == 0 => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            Self::Http => format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            )
            .into_bytes(),
            Self::WebSocket => frame_head(length),
        }
    }
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const MASKED: u8 = 0x80;
/// Lengths from here on stand in two bytes more, and those beyond 16 bits in eight.
const MEDIUM: u8 = 126;
const LONG: u8 = 127;

fn frame_head(length: usize) -> Vec<u8> {
    match (u8::try_from(length), u16::try_from(length)) {
        _ if length == 0 => Vec::new(),
        (Ok(short), _) if short < MEDIUM => vec![TEXT, short],
        (_, Ok(medium)) => [&[TEXT, MEDIUM][..], &medium.to_be_bytes()].concat(),
        _ => [&[TEXT, LONG][..], &(length as u64).to_be_bytes()].concat(),
    }
}

/// The payload of what is exactly one masked data frame that is a whole message.
pub(super) fn lone_frame(data: &[u8]) -> Option<Vec<u8>> {
    let (&[first, second], rest) = data.split_first_chunk()?;
    if !matches!(first, TEXT | BINARY) || second & MASKED == 0 {
        return None;
    }
    let (length, rest) = match second & !MASKED {
        MEDIUM => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from(u16::from_be_bytes(*length)), rest)
        }
        LONG => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(*length), rest)
        }
        short => (u64::from(short), rest),
    };
    let (mask, masked) = rest.split_first_chunk::<4>()?;
    if masked.len() as u64 != length {
        return None;
    }
    let bytes = masked.iter().zip(mask.iter().cycle());
    Some(bytes.map(|(byte, mask)| byte ^ mask).collect())
}

/// The heads that one server has seen, with the length of the body that each announces.
#[derive(Debug, Default)]
pub(super) struct KnownHeads(RwLock<HashMap<Box<[u8]>, usize>>);

impl KnownHeads {
    /// Remembers the head of a whole message whose body is of this length.
    pub(super) fn learn(&self, message: &[u8], length: usize) {
        let head = &message[..message.len().saturating_sub(length)];
        // Elsewhere than at its end, an empty line means that the parser was more lenient than we are.
        if head.len() > MAX_HEAD_BYTES || end_of_head(message) != Some(head.len()) {
            return;
        }
        let mut lengths = self.0.write();
        if lengths.len() >= MAX_HEADS {
            lengths.clear();
        }
        lengths.insert(head.into(), length);
    }

    /// The body of a message that is one whole request with a known head.
    pub(super) fn body_of<'a>(&self, message: &'a [u8]) -> Option<&'a [u8]> {
        let (head, body) = message.split_at_checked(end_of_head(message)?)?;
        (self.0.read().get(head) == Some(&body.len())).then_some(body)
    }
}

fn end_of_head(message: &[u8]) -> Option<usize> {
    let longest = &message[..message.len().min(MAX_HEAD_BYTES)];
    longest
        .windows(HEAD_END.len())
        .position(|bytes| bytes == HEAD_END)
        .map(|begin| begin + HEAD_END.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n";

    fn knowing(message: &str, length: usize) -> KnownHeads {
        let heads = KnownHeads::default();
        heads.learn(message.as_bytes(), length);
        heads
    }

    #[test]
    fn a_known_head_gives_the_body_of_a_lone_whole_request() {
        let heads = knowing(&format!("{HEAD}{{}}"), 2);
        let body = |message: &str| heads.body_of(message.as_bytes()).map(<[u8]>::to_vec);
        assert_eq!(body(&format!("{HEAD}[]")), Some(b"[]".to_vec()));
        for other in [
            HEAD.to_owned(),
            format!("{HEAD}["),
            format!("{HEAD}[]{HEAD}[]"),
            format!("{HEAD}[] "),
            HEAD.to_lowercase() + "[]",
            "[]".to_owned(),
            String::new(),
        ] {
            assert_eq!(body(&other), None, "{other:?}");
        }
    }

    #[test]
    fn only_whole_heads_with_their_own_end_are_remembered() {
        let lenient = HEAD.replace("\r\n", "\n");
        for message in [
            format!("{HEAD}{{}}{HEAD}{{}}"),
            format!("\r\n\r\n{HEAD}{{}}"),
            format!("{lenient}{{}}"),
            "{}".to_owned(),
        ] {
            assert!(knowing(&message, 2).0.read().is_empty(), "{message:?}");
        }
        assert!(knowing("{}", 3).0.read().is_empty());
    }

    #[test]
    fn the_memory_for_heads_is_bounded() {
        let heads = KnownHeads::default();
        for number in 0..3 * MAX_HEADS {
            heads.learn(format!("POST /{number} HTTP/1.1\r\n\r\n").as_bytes(), 0);
        }
        let known = heads.0.read().len();
        assert!((1..=MAX_HEADS).contains(&known), "{known}");
        let long = format!(
            "POST / HTTP/1.1\r\nCookie: {}\r\n\r\n",
            "c".repeat(MAX_HEAD_BYTES)
        );
        assert!(knowing(&long, 0).0.read().is_empty());
    }

    #[test]
    fn an_answer_is_framed_as_asked() {
        assert_eq!(Framing::Bare.head(2), b"");
        assert_eq!(Framing::Http.head(0), b"HTTP/1.1 204 No Content\r\n\r\n");
        let head = Framing::Http.head(17);
        assert!(head.ends_with(b"Content-Length: 17\r\n\r\n"));
        for (length, head) in [
            (0, &[][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (0xffff, &[0x81, 126, 0xff, 0xff]),
            (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            assert_eq!(Framing::WebSocket.head(length), head);
        }
    }

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = frame_head(payload.len());
        frame[0] = first;
        frame[1] |= MASKED;
        frame.extend_from_slice(&[1, 2, 3, 4]);
        let masked = payload.iter().zip([1, 2, 3, 4].iter().cycle());
        frame.extend(masked.map(|(byte, mask)| byte ^ mask));
        frame
    }

    #[test]
    fn a_lone_whole_frame_gives_its_payload() {
        for length in [1, 125, 126, 0xffff, 0x1_0000] {
            let payload: Vec<u8> = (0..length).map(|at: usize| at as u8).collect();
            for first in [TEXT, BINARY] {
                let whole = frame(first, &payload);
                assert_eq!(lone_frame(&whole).as_ref(), Some(&payload));
                assert_eq!(lone_frame(&whole[..whole.len() - 1]), None);
                assert_eq!(lone_frame(&[&whole[..], &[TEXT]].concat()), None);
            }
        }
    }

    #[test]
    fn other_frames_and_parts_of_frames_are_for_others_to_read() {
        let whole = frame(TEXT, b"{}");
        for length in 0..whole.len() {
            assert_eq!(lone_frame(&whole[..length]), None);
        }
        for first in [0x01, 0x80, 0x88, 0x89, 0xc1] {
            assert_eq!(lone_frame(&frame(first, b"{}")), None);
        }
        assert_eq!(lone_frame(b"\x81\x02{}"), None, "not masked");
        let endless = [&[TEXT, MASKED | LONG][..], &[0xff; 12]].concat();
        assert_eq!(lone_frame(&endless), None);
    }
}
