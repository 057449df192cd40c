//! One value for each process.

use std::collections::BTreeMap;

use crate::ids::ProcId;

/// A map from processes to values. Each value has memory of its own: processes are added in the
/// order of their ids, and the nodes of a [`BTreeMap`] are then only half full.
#[derive(Clone, Debug)]
pub struct PerProcess<T>(BTreeMap<ProcId, Box<T>>);

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> PerProcess<T> {
    /// Adds the value of a process, or replaces it.
    pub fn insert(&mut self, proc: ProcId, value: T) {
        self.0.insert(proc, Box::new(value));
    }

    /// Removes the value of a process.
    pub fn remove(&mut self, proc: &ProcId) -> Option<T> {
        self.0.remove(proc).map(|value| *value)
    }

    /// The value of a process.
    #[must_use]
    pub fn get(&self, proc: &ProcId) -> Option<&T> {
        self.0.get(proc).map(Box::as_ref)
    }

    /// The value of a process.
    pub fn get_mut(&mut self, proc: &ProcId) -> Option<&mut T> {
        self.0.get_mut(proc).map(Box::as_mut)
    }

    /// Whether the process has a value.
    #[must_use]
    pub fn contains_key(&self, proc: &ProcId) -> bool {
        self.0.contains_key(proc)
    }

    /// The processes, in the order of their ids.
    pub fn keys(&self) -> impl Iterator<Item = &ProcId> {
        self.0.keys()
    }

    /// The values, in the order of the processes' ids.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values().map(Box::as_ref)
    }

    /// The values, in the order of the processes' ids.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.values_mut().map(Box::as_mut)
    }

    /// The processes and their values, in the order of the processes' ids.
    pub fn iter(&self) -> impl Iterator<Item = (&ProcId, &T)> {
        self.0.iter().map(|(proc, value)| (proc, value.as_ref()))
    }
}
