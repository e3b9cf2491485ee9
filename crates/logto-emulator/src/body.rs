//! Bodies that are too long, too slow or too short.

use axum::body::Bytes;
use http_body::{Body, Frame};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Sleep, sleep};

/// The same bytes again and again.
pub(crate) struct Repeated {
    first: Bytes,
    chunk: Bytes,
    times: u32,
    last: Bytes,
}

impl Repeated {
    /// JSON of 100 MB.
    pub(crate) fn enormous() -> Self {
        let chunk = Bytes::from(vec![b'x'; 100_000]);
        Self { first: Bytes::from_static(b"{\"x\":\""), chunk, times: 1000, last: Bytes::from_static(b"\"}") }
    }

    /// One byte and then, by references of 258 bytes to it, 1 GiB of the same. The whole ends in the middle:
    /// nobody who reads so far is interested in a check sum.
    pub(crate) fn gzip_bomb() -> Self {
        let mut bits = Bits::default();
        // A block with fixed codes (RFC 1951, 3.2.6): its header, the letter `x`.
        bits.push(0b010, 3);
        bits.push(reversed(0x30 + u32::from(b'x'), 8), 8);
        // Length 258 is code 285, distance 1 is code 0: 13 bits; eight of them end where they begin in a byte.
        for _ in 0..8 * 2000 {
            bits.push(reversed(0b1100_0101, 8), 8);
            bits.push(0, 5);
        }
        let chunk = Bytes::from(bits.bytes);
        let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        let first: Vec<u8> = header.iter().chain(&chunk[..2]).copied().collect();
        // Two bytes hold the header of the block and the letter; the rest repeats itself.
        let (chunk, times) = (chunk.slice(2..2 + 13 * 1999), 1024 * 1024 * 1024 / (8 * 258 * 1999) + 1);
        Self { first: first.into(), chunk, times, last: Bytes::new() }
    }
}

fn reversed(code: u32, bits: u32) -> u32 {
    code.reverse_bits() >> (32 - bits)
}

/// Bits into bytes, the lowest first. The last ones stay out where they fill no byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, bits: u32, count: u32) {
        self.pending |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
            self.pending >>= 8;
            self.count -= 8;
        }
    }
}

impl Body for Repeated {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = if !self.first.is_empty() {
            std::mem::take(&mut self.first)
        } else if self.times > 0 {
            self.times -= 1;
            self.chunk.clone()
        } else {
            std::mem::take(&mut self.last)
        };
        Poll::Ready((!next.is_empty()).then(|| Ok(Frame::data(next))))
    }
}

/// A body that comes byte by byte, or never.
pub(crate) struct Slow {
    rest: Bytes,
    pace: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    ends: bool,
}

impl Slow {
    pub(crate) fn new(whole: Bytes, pace: Duration) -> Self {
        Self { rest: whole, pace, sleep: None, ends: true }
    }

    pub(crate) fn stalled() -> Self {
        Self { rest: Bytes::new(), pace: Duration::ZERO, sleep: None, ends: false }
    }
}

impl Body for Slow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(context));
            self.sleep = None;
        }
        if self.rest.is_empty() {
            return if self.ends { Poll::Ready(None) } else { Poll::Pending };
        }
        self.sleep = Some(Box::pin(sleep(self.pace)));
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(1)))))
    }
}

/// A body that breaks after its first bytes, and the connection with it.
pub(crate) struct Broken {
    first: Bytes,
    polls: u8,
}

impl Broken {
    pub(crate) fn after(first: Bytes) -> Self {
        Self { first, polls: 0 }
    }
}

impl Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.polls += 1;
        match self.polls {
            1 => Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first))))),
            // The first bytes leave while the body waits.
            2 => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }
}
