//! How much of the code the tests reach, and how much of it they would miss: measured when asked for.

mod coverage;
mod mutants;

pub(crate) use coverage::coverage;
pub(crate) use mutants::mutants;

/// Hundredths of a percent, for comparing and printing without rounding up.
fn share(part: usize, whole: usize) -> usize {
    (part * 10_000).checked_div(whole).unwrap_or(0)
}

fn percent(share: usize) -> String {
    format!("{}.{:02} %", share / 100, share % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_up_and_nothing_is_no_success() {
        assert_eq!(percent(share(9_699, 10_000)), "96.99 %");
        assert_eq!(percent(share(99_999, 100_000)), "99.99 %");
        assert_eq!(percent(share(3, 3)), "100.00 %");
        assert_eq!(share(0, 0), 0);
    }
}
