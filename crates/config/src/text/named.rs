//! A list of items with unique names.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

/// An item with a name that does not change while the item is in a list.
pub(crate) trait HasName {
    /// The name.
    fn name(&self) -> &str;
}

/// Items in order of first appearance, with unique names. A lookup does not scan the list, because
/// a file may define a million items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedList<T> {
    list: Vec<T>,
    places: BTreeMap<String, usize>,
}

impl<T: HasName> NamedList<T> {
    /// The position of the item with this name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The item with this name.
    pub(crate) fn named(&self, name: &str) -> Option<&T> {
        self.list.get(self.place(name)?)
    }

    /// Replaces the item with this name, or adds it at the end. Returns its position.
    pub(crate) fn set(&mut self, thing: T) -> usize {
        if let Some(place) = self.place(thing.name()) {
            self.list[place] = thing;
            return place;
        }
        self.places.insert(thing.name().to_owned(), self.list.len());
        self.list.push(thing);
        self.list.len() - 1
    }

    /// Removes and returns the first item that fits.
    pub(crate) fn take(&mut self, fits: impl Fn(&T) -> bool) -> Option<T> {
        let place = self.list.iter().position(fits)?;
        let taken = self.list.remove(place);
        *self = std::mem::take(&mut self.list).into_iter().collect();
        Some(taken)
    }
}

impl<T> Default for NamedList<T> {
    fn default() -> Self {
        Self { list: Vec::new(), places: BTreeMap::new() }
    }
}

impl<T: HasName> FromIterator<T> for NamedList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        let mut named = Self::default();
        for thing in things {
            named.set(thing);
        }
        named
    }
}

impl<T> Deref for NamedList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.list
    }
}

impl<T> DerefMut for NamedList<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.list
    }
}

impl<T> IntoIterator for NamedList<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a NamedList<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut NamedList<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl HasName for (&'static str, u8) {
        fn name(&self) -> &str {
            self.0
        }
    }

    #[test]
    fn a_duplicate_name_keeps_its_position_and_removal_keeps_the_others() {
        let mut named: NamedList<_> =
            [("a", 1), ("b", 2), ("c", 3), ("a", 4)].into_iter().collect();
        assert_eq!(*named, [("a", 4), ("b", 2), ("c", 3)]);
        assert_eq!(named.take(|(name, _)| *name == "a"), Some(("a", 4)));
        assert_eq!((named.place("a"), named.named("c")), (None, Some(&("c", 3))));
        assert_eq!(named.take(|(name, _)| *name == "x"), None);
    }
}
