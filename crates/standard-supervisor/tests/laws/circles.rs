//! Imports between the folders of a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{crates, sources};

/// What imports what: the files and folders directly below `src`.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// What a crate's files import from other folders. Tests may import anything.
fn imports(source: &Path) -> Imports {
    let mut found = Imports::new();
    for (path, text) in sources(source) {
        let path = path.strip_prefix(source).unwrap();
        let is_test = path.iter().any(|part| part == "tests" || part == "tests.rs");
        let module = path.iter().next().unwrap().to_string_lossy();
        let module = module.strip_suffix(".rs").unwrap_or(&module).to_owned();
        if is_test || module == "lib" || module == "main" {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let of_module = found.entry(module.clone()).or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let behind = line.split("crate::").skip(1);
            let names = behind.map(|rest| {
                rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap()
            });
            let others = names.filter(|name| !name.is_empty() && **name != *module);
            of_module.extend(others.map(str::to_owned));
        }
    }
    found
}

/// Everything that `from` reaches by imports.
fn reached(imports: &Imports, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(module) = next.pop() {
        for other in imports.get(&module).into_iter().flatten() {
            if reached.insert(other.clone()) {
                next.push(other.clone());
            }
        }
    }
    reached
}

/// The modules that import themselves by way of others.
fn in_circles(imports: &Imports) -> BTreeSet<&str> {
    let modules = imports.keys().map(String::as_str);
    modules.filter(|module| reached(imports, module).contains(*module)).collect()
}

#[test]
fn no_directories_import_each_other_in_a_circle() {
    let mut circles = BTreeMap::new();
    for entry in std::fs::read_dir(crates()).unwrap() {
        let folder = entry.unwrap().path();
        let imports = imports(&folder.join("src"));
        assert!(!imports.is_empty(), "{}: nothing is read", folder.display());
        let found: Vec<_> = in_circles(&imports).into_iter().map(str::to_owned).collect();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if !found.is_empty() {
            circles.insert(name, found);
        }
    }
    assert_eq!(circles, BTreeMap::new());
}

#[test]
fn a_circular_import_is_noticed() {
    let imports = |lines: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (module, other) in lines {
            imports.entry((*module).to_owned()).or_default().insert((*other).to_owned());
        }
        imports
    };
    assert!(in_circles(&imports(&[("a", "b"), ("b", "c"), ("d", "a")])).is_empty());
    let circle = imports(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]);
    assert_eq!(in_circles(&circle), BTreeSet::from(["a", "b", "c"]));
}
