//! Inputs made from seeds, by chance that can be told again.

/// Pieces that parsers care about.
const PIECES: [&[u8]; 40] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"\\u0000",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"18446744073709551615",
    b"\x00",
    b"\xff",
    b"\xc3\x28",
    b"//",
    b"\\",
    b"%2f",
    b"%5c",
    b"%00",
    b"..",
    b"@",
    b"#",
    b"?",
    b"&",
    b"=",
    b".",
    b" ",
    b"\t",
    b"\r\n",
    b"https://evil.example",
    b"javascript:",
    b"<script>",
    b"\xe2\x80\x8b",
    b"1.",
    b"Bearer ",
    b"state=",
    b"code=",
];

/// An endless row of inputs, each made from one of the seeds; the same number gives the same row.
#[derive(Clone, Debug)]
pub struct Mutations<'a> {
    seeds: &'a [Vec<u8>],
    state: u64,
}

impl<'a> Mutations<'a> {
    /// From these seeds, by this number.
    #[must_use]
    pub fn new(seeds: &'a [Vec<u8>], number: u64) -> Self {
        Self { seeds, state: number }
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.random() % end).unwrap_or_default()
    }

    fn seed(&mut self) -> &'a [u8] {
        let index = self.below(self.seeds.len());
        self.seeds.get(index).map(Vec::as_slice).unwrap_or_default()
    }

    /// A part of a text, by two places.
    fn part(&mut self, length: usize) -> (usize, usize) {
        let (one, other) = (self.below(length + 1), self.below(length + 1));
        (one.min(other), one.max(other))
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        match self.below(8) {
            0 => {
                let bit = self.below(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            1 => {
                let byte = self.random().to_be_bytes()[0];
                input.insert(at, byte);
            }
            2 => {
                let (from, to) = self.part(input.len());
                input.drain(from..to.min(from + 16));
            }
            3 | 4 => {
                let piece = PIECES[self.below(PIECES.len())];
                input.splice(at..at, piece.iter().copied());
            }
            5 => {
                let piece = PIECES[self.below(PIECES.len())];
                let end = (at + piece.len()).min(input.len());
                input.splice(at..end, piece.iter().copied());
            }
            6 => {
                let other = self.seed();
                let (from, to) = self.part(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                let (from, to) = self.part(input.len());
                let copy = input[from..to].to_vec();
                input.splice(at..at, copy);
            }
        }
        input.truncate(8 * 1024);
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut input = self.seed().to_vec();
        for _ in 0..=self.below(6) {
            self.change(&mut input);
        }
        Some(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_tells_the_whole_row_and_another_one_another() {
        let seeds = [b"{\"a\":1}".to_vec(), b"1.abc".to_vec()];
        let row = |number| Mutations::new(&seeds, number).take(50).collect::<Vec<_>>();
        assert_eq!(row(1), row(1));
        assert_ne!(row(1), row(2));
        assert!(row(1).iter().any(|input| !seeds.contains(input)));
        assert!(Mutations::new(&[], 1).take(50).count() == 50);
    }
}
