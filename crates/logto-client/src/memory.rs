//! What this process remembers for a while: bounded in number and in time.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    time::Duration,
};

/// Values by key, each for the same lifetime; where there are too many the oldest go first.
#[derive(Clone)]
pub(crate) struct Memory<V> {
    lifetime: Duration,
    capacity: usize,
    values: HashMap<String, (Duration, V)>,
    order: VecDeque<(Duration, String)>,
}

impl<V> Memory<V> {
    pub(crate) fn new(lifetime: Duration, capacity: usize) -> Self {
        Self { lifetime, capacity, values: HashMap::new(), order: VecDeque::new() }
    }

    pub(crate) fn get(&mut self, now: Duration, key: &str) -> Option<&V> {
        self.forget_old(now, self.capacity);
        self.values.get(key).map(|(_, value)| value)
    }

    pub(crate) fn insert(&mut self, now: Duration, key: &str, value: V) {
        self.forget_old(now, self.capacity - 1);
        self.values.insert(key.to_owned(), (now, value));
        self.order.push_back((now, key.to_owned()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<V> {
        self.values.remove(key).map(|(_, value)| value)
    }

    fn forget_old(&mut self, now: Duration, room: usize) {
        while let Some((at, key)) = self.order.front() {
            if now.saturating_sub(*at) < self.lifetime && self.order.len() <= room {
                break;
            }
            // A key that was removed and inserted anew stands here twice; the younger one stays.
            if self.values.get(key).is_some_and(|(inserted, _)| inserted == at) {
                self.values.remove(key);
            }
            self.order.pop_front();
        }
    }
}

impl<V> fmt::Debug for Memory<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} of {})", self.values.len(), self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_value_is_forgotten_after_its_lifetime() {
        let mut memory = Memory::new(at(60), 10);
        memory.insert(at(0), "a", 1);
        assert_eq!(memory.get(at(59), "a"), Some(&1));
        assert_eq!(memory.get(at(60), "a"), None);
        assert!(memory.values.is_empty() && memory.order.is_empty());
    }

    #[test]
    fn the_oldest_go_where_there_are_too_many() {
        let mut memory = Memory::new(at(60), 3);
        for (index, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
            memory.insert(at(index as u64), key, index);
        }
        assert_eq!(memory.get(at(4), "a"), None);
        assert_eq!(memory.get(at(4), "b"), Some(&1));
        assert_eq!(memory.order.len(), 3);
    }

    #[test]
    fn a_value_inserted_anew_lives_its_whole_lifetime() {
        let mut memory = Memory::new(at(60), 10);
        memory.insert(at(0), "a", 1);
        assert_eq!(memory.remove("a"), Some(1));
        memory.insert(at(30), "a", 2);
        assert_eq!(memory.get(at(89), "a"), Some(&2));
        assert_eq!(memory.get(at(90), "a"), None);
    }
}
