//! The cases, each named by the sentence it proves.

use super::{Harness, Outcome, Step, Verdict};
use Verdict::{NotApplicable, Passed};
use logto_storage_core::{Operation, keys};

const KEY: &str = keys::ID_TOKEN;

fn get(key: &str) -> Step {
    Step::Get(key.to_owned())
}

fn set(key: &str, value: &str) -> Step {
    Step::Set(key.to_owned(), value.to_owned())
}

fn remove(key: &str) -> Step {
    Step::Remove(key.to_owned())
}

/// What a request read, one for each `Get`; the first error ends it.
async fn read<H: Harness>(
    harness: &mut H,
    visitor: usize,
    steps: Vec<Step>,
) -> Result<Vec<Option<String>>, String> {
    let reads: Vec<bool> = steps.iter().map(|step| matches!(step, Step::Get(_))).collect();
    let outcomes = harness.request(visitor, steps.clone()).await;
    if outcomes.len() != steps.len() {
        return Err(format!("{} steps and {} outcomes", steps.len(), outcomes.len()));
    }
    let all = outcomes
        .into_iter()
        .zip(&steps)
        .map(|(outcome, step)| outcome.map_err(|failed| format!("{step:?} failed: {}", failed.shown)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(all.into_iter().zip(reads).filter_map(|(value, read)| read.then_some(value)).collect())
}

fn expect(what: &str, found: &[Option<String>], expected: &[Option<&str>]) -> Result<Verdict, String> {
    let found: Vec<Option<&str>> = found.iter().map(Option::as_deref).collect();
    if found == expected {
        return Ok(Passed);
    }
    let short = |values: &[Option<&str>]| -> Vec<String> {
        values
            .iter()
            .map(|value| value.map_or("absent".to_owned(), |text| text.chars().take(40).collect()))
            .collect()
    };
    Err(format!("{what}: expected {:?}, found {:?}", short(expected), short(&found)))
}

/// Read your write.
pub async fn a_written_value_is_read_in_the_same_request<H: Harness>() -> Result<Verdict, String> {
    let found = read(&mut H::start().await, 0, vec![set(KEY, "value"), get(KEY)]).await?;
    expect("read after write", &found, &[Some("value")])
}

/// The next request sees it.
pub async fn a_written_value_survives_the_request<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    read(&mut harness, 0, vec![set(KEY, "value")]).await?;
    for _ in 0..2 {
        let found = read(&mut harness, 0, vec![get(KEY)]).await?;
        expect("read in the next request", &found, &[Some("value")])?;
    }
    Ok(Passed)
}

/// Overwriting, within a request and across requests.
pub async fn a_later_value_replaces_the_earlier<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    let found = read(&mut harness, 0, vec![set(KEY, "one"), set(KEY, "two"), get(KEY)]).await?;
    expect("within a request", &found, &[Some("two")])?;
    read(&mut harness, 0, vec![set(KEY, "three")]).await?;
    let found = read(&mut harness, 0, vec![get(KEY)]).await?;
    expect("across requests", &found, &[Some("three")])
}

/// Removing twice, and what was never there; what was removed stays away.
pub async fn removing_what_is_absent_is_fine<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    read(&mut harness, 0, vec![remove(KEY), set(KEY, "value"), remove(KEY), remove(KEY)]).await?;
    read(&mut harness, 0, vec![remove(KEY), set(KEY, "value")]).await?;
    read(&mut harness, 0, vec![remove(KEY)]).await?;
    let found = read(&mut harness, 0, vec![get(KEY)]).await?;
    expect("after removal", &found, &[None])
}

/// Absent is `None`, never empty.
pub async fn what_is_absent_is_none<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    let steps = keys::ALL.iter().map(|key| get(key)).collect();
    let found = read(&mut harness, 0, steps).await?;
    expect("in a new session", &found, &[None; keys::ALL.len()])
}

/// An empty value is a value.
pub async fn what_is_empty_is_not_absent<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    let found = read(&mut harness, 0, vec![set(KEY, ""), get(KEY)]).await?;
    expect("within a request", &found, &[Some("")])?;
    let found = read(&mut harness, 0, vec![get(KEY)]).await?;
    expect("in the next request", &found, &[Some("")])
}

/// Every character, white space, case and quotes included.
pub async fn any_text_comes_back_as_it_was<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    let text = " Ünïcödé 测试 🚀 \u{0}\u{7f}\u{feff} \"quotes\" \\ {\"json\":[1]} ; = % + \r\n\t";
    read(&mut harness, 0, vec![set(KEY, text)]).await?;
    let found = read(&mut harness, 0, vec![get(KEY)]).await?;
    expect("text", &found, &[Some(text)])
}

/// A change of one item is none of another, also where one key begins like the other.
pub async fn keys_are_apart<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    let longer = format!("{KEY}_more");
    read(&mut harness, 0, vec![set(KEY, "one"), set(&longer, "two"), set(keys::REFRESH_TOKEN, "three")])
        .await?;
    read(&mut harness, 0, vec![remove(KEY)]).await?;
    let found = read(&mut harness, 0, vec![get(KEY), get(&longer), get(keys::REFRESH_TOKEN)]).await?;
    expect("keys", &found, &[None, Some("two"), Some("three")])
}

/// One visitor never meets another's items.
pub async fn visitors_are_apart<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    read(&mut harness, 0, vec![set(KEY, "of zero")]).await?;
    let found = read(&mut harness, 1, vec![get(KEY), set(KEY, "of one")]).await?;
    expect("a new visitor", &found, &[None])?;
    let found = read(&mut harness, 0, vec![get(KEY)]).await?;
    expect("the first visitor", &found, &[Some("of zero")])?;
    let found = read(&mut harness, 1, vec![get(KEY)]).await?;
    expect("the second visitor", &found, &[Some("of one")])
}

/// The id changes at sign-in; what the session holds does not.
pub async fn renewing_the_id_keeps_the_values<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    read(&mut harness, 0, vec![set(KEY, "value")]).await?;
    if !harness.renew_id(0).await {
        return Ok(NotApplicable);
    }
    let found = read(&mut harness, 0, vec![get(KEY)]).await?;
    expect("after the renewal", &found, &[Some("value")])
}

/// Every key of the SDK, at once.
pub async fn all_keys_are_kept_together<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    read(&mut harness, 0, keys::ALL.iter().map(|key| set(key, &format!("value of {key}"))).collect()).await?;
    let found = read(&mut harness, 0, keys::ALL.iter().map(|key| get(key)).collect()).await?;
    let expected = keys::ALL.map(|key| format!("value of {key}"));
    expect("all keys", &found, &expected.each_ref().map(|value| Some(value.as_str())))
}

/// Large values are kept or refused, never cut.
pub async fn sixty_four_kibibytes_are_kept_whole<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    if !harness.holds_large_values() {
        return Ok(NotApplicable);
    }
    let large: String =
        (0..64 * 1024).map(|index| char::from(b'a' + u8::try_from(index % 26).unwrap_or(0))).collect();
    read(&mut harness, 0, vec![set(KEY, &large)]).await?;
    let found = read(&mut harness, 0, vec![get(KEY)]).await?;
    match found.as_slice() {
        [Some(value)] if *value == large => Ok(Passed),
        [Some(value)] => Err(format!("{} bytes came back", value.len())),
        _ => Err("the value is gone".to_owned()),
    }
}

/// `apply` sets, removes and overwrites in the order given.
pub async fn changes_are_applied_in_order<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    read(&mut harness, 0, vec![set(keys::REFRESH_TOKEN, "old")]).await?;
    let own = |key: &str, value: Option<&str>| (key.to_owned(), value.map(str::to_owned));
    let changes = Step::Apply(vec![
        own(KEY, Some("one")),
        own(keys::REFRESH_TOKEN, None),
        own(keys::ACCESS_TOKEN_MAP, Some("gone")),
        own(KEY, Some("two")),
        own(keys::ACCESS_TOKEN_MAP, None),
        own(keys::SIGN_IN_SESSION, None),
        own(keys::SIGN_IN_SESSION, Some("back")),
    ]);
    let reads = [KEY, keys::REFRESH_TOKEN, keys::ACCESS_TOKEN_MAP, keys::SIGN_IN_SESSION].map(get);
    let found = read(&mut harness, 0, [&[changes][..], &reads].concat()).await?;
    expect("in the same request", &found, &[Some("two"), None, None, Some("back")])?;
    let found = read(&mut harness, 0, reads.to_vec()).await?;
    expect("in the next request", &found, &[Some("two"), None, None, Some("back")])
}

/// An outage is an error that says what failed and why, and shows no value; never an absent item.
pub async fn a_failing_store_is_an_error_with_its_source<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    read(&mut harness, 0, vec![set(KEY, "canary")]).await?;
    if !harness.break_store().await {
        return Ok(NotApplicable);
    }
    for (step, operation) in [
        (get(KEY), Operation::Get),
        (set(KEY, "canary two"), Operation::Set),
        (remove(KEY), Operation::Remove),
    ] {
        match harness.request(0, vec![step.clone()]).await.first() {
            Some(Err(failed)) => {
                if (failed.operation, failed.key.as_str()) != (operation, KEY) {
                    return Err(format!("{step:?} blames {:?} of {}", failed.operation, failed.key));
                }
                if !failed.has_source {
                    return Err(format!("{step:?} gives no source"));
                }
                if failed.shown.contains("canary") {
                    return Err(format!("{step:?} shows a value"));
                }
            }
            Some(Ok(value)) => return Err(format!("{step:?} gave {value:?} from a store that fails")),
            None => return Err(format!("{step:?} gave nothing")),
        }
    }
    Ok(Passed)
}

/// What the application keeps in the same session is not Logto's to change.
pub async fn other_data_of_the_session_is_untouched<H: Harness>() -> Result<Verdict, String> {
    let mut harness = H::start().await;
    if !harness.set_other(0, "cart").await {
        return Ok(NotApplicable);
    }
    let everything = Step::Apply(keys::ALL.iter().map(|key| ((*key).to_owned(), None)).collect());
    for steps in [vec![set(KEY, "value")], vec![remove(KEY)], vec![set(KEY, "value"), everything]] {
        let outcomes: Vec<Outcome> = harness.request(0, steps.clone()).await;
        if outcomes.iter().any(Result::is_err) {
            return Err(format!("{steps:?} failed"));
        }
        if harness.other(0).await.as_deref() != Some("cart") {
            return Err(format!("after {steps:?} the application's own data is changed"));
        }
    }
    Ok(Passed)
}
