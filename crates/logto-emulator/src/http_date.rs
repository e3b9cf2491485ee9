//! Times as HTTP and JavaScript write them.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// For example `Mon, 07 Dec 2026 02:44:59 GMT`, from seconds since 1970.
pub(crate) fn format(seconds: u64) -> String {
    let (year, month, day) = date(seconds);
    let name = DAYS[usize::try_from(seconds / 86_400 % 7).unwrap_or_default()];
    let month = MONTHS[month - 1];
    let (hour, minute, second) = time(seconds);
    format!("{name}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// For example `2026-11-23T02:47:46.023Z`, from milliseconds since 1970.
pub(crate) fn iso(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let ((year, month, day), (hour, minute, second)) = (date(seconds), time(seconds));
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", milliseconds % 1000)
}

fn time(seconds: u64) -> (u64, u64, u64) {
    (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

/// Year, month and day of the Gregorian calendar, counted in eras of 400 years from 1 March.
fn date(seconds: u64) -> (u64, usize, u64) {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_server_writes_them() {
        assert_eq!(format(1_796_611_499), "Mon, 07 Dec 2026 02:44:59 GMT");
        assert_eq!(format(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(format(951_827_696), "Tue, 29 Feb 2000 12:34:56 GMT");
        assert_eq!(iso(1_795_402_066_023), "2026-11-23T02:47:46.023Z");
    }
}
