//! The state changes of the simulation, and their diagram in the documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use supervisor_core::StateName;

/// The diagram is between these lines.
const BEGIN: &str = "<!-- what the simulation took: UPDATE=1 make simulate -->\n";
const END: &str = "<!-- end -->\n";

/// State changes as (old state, cause, new state).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diagram(BTreeSet<(&'static str, &'static str, &'static str)>);

impl Diagram {
    pub(crate) fn took(&mut self, from: StateName, cause: &'static str, to: StateName) {
        self.0.insert((from.name(), cause, to.name()));
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn draw(&self) -> String {
        let mut arrows: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for (from, cause, to) in &self.0 {
            arrows.entry((from, to)).or_default().push(cause);
        }
        let mut drawn = String::from("```mermaid\nstateDiagram-v2\n");
        for ((from, to), causes) in arrows {
            writeln!(drawn, "    {from} --> {to}: {}", causes.join("; ")).unwrap();
        }
        drawn.push_str("```\n");
        drawn
    }

    /// Compares the state changes with the diagram in the documentation, or updates it.
    pub(crate) fn check(&self, update: bool) {
        let path = document();
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).expect("the drawing has its place");
        let (drawn, after) = rest.split_once(END).expect("the drawing has an end");
        let now = self.draw();
        if update {
            std::fs::write(&path, format!("{before}{BEGIN}{now}{END}{after}")).unwrap();
        } else {
            assert_eq!(drawn, now, "{} shows something else", path.display());
        }
    }
}

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/design/process-states.md")
}
