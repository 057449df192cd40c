//! The names that a value may use, and their values.

use std::collections::BTreeMap;
use std::path::Path;

use crate::sources::Sources;

/// The value of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Text(String),
    Number(i64),
    /// An environment variable whose value is not UTF-8.
    NotUtf8,
}

/// The names that every value may use: `here`, `host_node_name`, and `ENV_` with the name of an
/// environment variable. Nothing is prepared, because most values use none.
#[derive(Clone, Debug)]
pub(crate) struct Shared<'a> {
    sources: &'a Sources,
    here: &'a Path,
    /// Variables that programs get in addition to the supervisor's own.
    added: BTreeMap<String, Meaning>,
}

impl<'a> Shared<'a> {
    /// The names that all values of a file in the directory `here` may use.
    pub(crate) const fn new(sources: &'a Sources, here: &'a Path) -> Self {
        Self { sources, here, added: BTreeMap::new() }
    }

    /// Adds or replaces an environment variable.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        self.added.insert(format!("ENV_{name}"), Meaning::Text(value.to_owned()));
    }

    pub(super) fn meaning(&self, name: &str) -> Option<Meaning> {
        if let Some(added) = self.added.get(name) {
            return Some(added.clone());
        }
        match name {
            "here" => Some(Meaning::Text(self.here.to_string_lossy().into_owned())),
            "host_node_name" => Some(Meaning::Text(self.sources.hostname.clone())),
            _ => {
                let value = self.sources.variable(name.strip_prefix("ENV_")?)?;
                Some(value.to_str().map_or(Meaning::NotUtf8, |text| Meaning::Text(text.to_owned())))
            }
        }
    }

    fn list(&self) -> impl Iterator<Item = String> {
        let variables = self.sources.environment.iter();
        let variables = variables.map(|(name, _)| format!("ENV_{}", name.to_string_lossy()));
        let others = ["here", "host_node_name"].map(str::to_owned);
        variables.chain(others).chain(self.added.keys().cloned())
    }
}

/// The names that a value may use.
#[derive(Clone, Debug)]
pub(crate) struct Names<'a> {
    shared: Option<&'a Shared<'a>>,
    own: BTreeMap<String, Meaning>,
}

impl<'a> Names<'a> {
    /// The names that every value may use.
    pub(crate) const fn new(shared: &'a Shared<'a>) -> Self {
        Self { shared: Some(shared), own: BTreeMap::new() }
    }

    /// Only these names.
    #[cfg(any(test, fuzzing))]
    pub(crate) const fn only(own: BTreeMap<String, Meaning>) -> Self {
        Self { shared: None, own }
    }

    /// Adds or replaces a name.
    pub(crate) fn set(&mut self, name: impl Into<String>, meaning: Meaning) {
        self.own.insert(name.into(), meaning);
    }

    /// Returns these names and one more.
    pub(crate) fn with(mut self, name: &str, text: impl Into<String>) -> Self {
        self.set(name, Meaning::Text(text.into()));
        self
    }

    pub(super) fn meaning(&self, name: &str) -> Option<Meaning> {
        self.own.get(name).cloned().or_else(|| self.shared?.meaning(name))
    }

    /// The value of a variable in programs' environments.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        match self.meaning(&format!("ENV_{name}"))? {
            Meaning::Text(text) => Some(text),
            Meaning::Number(_) | Meaning::NotUtf8 => None,
        }
    }

    /// All names, sorted, as supervisord lists them.
    pub(super) fn list(&self) -> String {
        let shared = self.shared.into_iter().flat_map(Shared::list);
        let mut all: Vec<String> = self.own.keys().cloned().chain(shared).collect();
        all.sort_unstable();
        all.dedup();
        all.join(", ")
    }
}
