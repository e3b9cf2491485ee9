//! Which scopes a token must have.

/// Scopes that an access token must have: all of some, one of some, or both.
///
/// A list, as in `Access::scopes(["read:orders"])`, stands for all of them.
///
/// ```
/// use logto_client::{Access, Scopes};
///
/// let read = Access::api().scopes(["read:orders"]);
/// let edit = Access::api().scopes(Scopes::all(["read:orders"]).any(["write:orders", "admin"]));
/// let any = Access::api().scopes(Scopes::any_of(["write:orders", "admin"]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "scopes do nothing before they are given to Access::scopes"]
pub struct Scopes {
    all: Vec<String>,
    any: Option<Vec<String>>,
}

impl Scopes {
    /// All of these, to the letter.
    pub fn all<T: AsRef<str>>(scopes: impl IntoIterator<Item = T>) -> Self {
        Self { all: words(scopes), any: None }
    }

    /// One of these, to the letter; an empty list is met by no token.
    pub fn any_of<T: AsRef<str>>(scopes: impl IntoIterator<Item = T>) -> Self {
        Self::default().any(scopes)
    }

    /// One of these too. A second call adds to the list.
    pub fn any<T: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.any.get_or_insert_default().extend(words(scopes));
        self
    }

    /// Both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.all.extend(other.all);
        match other.any {
            Some(any) => self.any(any),
            None => self,
        }
    }

    pub(super) fn are_met(&self, has: impl Fn(&str) -> bool) -> bool {
        self.all.iter().all(|scope| has(scope))
            && self.any.as_ref().is_none_or(|any| any.iter().any(|scope| has(scope)))
    }

    /// Each once, separated by spaces; `None` where there is none to name.
    pub(super) fn named(&self) -> Option<String> {
        let mut named: Vec<&str> = Vec::new();
        for scope in self.all.iter().chain(self.any.iter().flatten()) {
            if !named.contains(&scope.as_str()) {
                named.push(scope);
            }
        }
        Some(named.join(" ")).filter(|scopes| !scopes.is_empty())
    }
}

impl<T: AsRef<str>, const N: usize> From<[T; N]> for Scopes {
    fn from(scopes: [T; N]) -> Self {
        Self::all(scopes)
    }
}

impl<T: AsRef<str>> From<Vec<T>> for Scopes {
    fn from(scopes: Vec<T>) -> Self {
        Self::all(scopes)
    }
}

impl<T: AsRef<str>> From<&[T]> for Scopes {
    fn from(scopes: &[T]) -> Self {
        Self::all(scopes)
    }
}

/// The scopes one by one, also where several stand in one string.
fn words<T: AsRef<str>>(scopes: impl IntoIterator<Item = T>) -> Vec<String> {
    let split = |scopes: T| scopes.as_ref().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    scopes.into_iter().flat_map(split).collect()
}
