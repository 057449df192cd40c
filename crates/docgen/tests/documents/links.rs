//! Links between documents lead somewhere, and every page can be found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::{document, pages};

#[test]
fn every_link_in_the_documents_has_a_target() {
    let anchors: BTreeMap<PathBuf, BTreeSet<String>> = pages()
        .into_iter()
        .map(|page| {
            let anchors = anchors(&std::fs::read_to_string(&page).unwrap());
            (page.canonicalize().unwrap(), anchors)
        })
        .collect();
    let (mut links, mut wrong) = (0, Vec::new());
    for page in anchors.keys() {
        let text = std::fs::read_to_string(page).unwrap();
        for target in targets(&text).filter(|target| !target.contains("://")) {
            links += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let place = if path.is_empty() { page.clone() } else { beside(page, path) };
            let found = match place.canonicalize() {
                Ok(place) if !anchor.is_empty() => {
                    anchors.get(&place).is_some_and(|known| known.contains(anchor))
                }
                found => found.is_ok(),
            };
            if !found {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(links > 50, "only {links} links: the documents are gone");
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
}

#[test]
fn the_table_of_contents_has_every_page_once() {
    let docs = document("docs").canonicalize().unwrap();
    let summary = docs.join("SUMMARY.md");
    let listed = linked(&summary);
    let once: BTreeSet<&PathBuf> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "docs/SUMMARY.md has a page twice");
    let lost: Vec<PathBuf> =
        below(&docs).filter(|page| *page != summary && !listed.contains(page)).collect();
    assert!(lost.is_empty(), "docs/SUMMARY.md lacks {lost:?}");
}

#[test]
fn the_index_has_every_page_for_readers() {
    let docs = document("docs").canonicalize().unwrap();
    let listed = linked(&docs.join("README.md"));
    let others =
        [docs.join("README.md"), docs.join("SUMMARY.md"), docs.join("reference/README.md")];
    let readers = below(&docs).filter(|page| !page.starts_with(docs.join("design")));
    let lost: Vec<PathBuf> =
        readers.filter(|page| !others.contains(page) && !listed.contains(page)).collect();
    assert!(lost.is_empty(), "docs/README.md lacks {lost:?}");
}

/// The pages in a directory and its subdirectories.
fn below(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let pages = pages().into_iter().map(|page| page.canonicalize().unwrap());
    pages.filter(move |page| page.starts_with(folder))
}

/// The pages that a page links to, in the order of its links.
fn linked(page: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(page).unwrap();
    targets(&text).filter_map(|target| beside(page, target).canonicalize().ok()).collect()
}

fn beside(page: &Path, path: &str) -> PathBuf {
    page.parent().unwrap().join(path)
}

/// The targets of the links in a page, except those in code.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| {
        let links = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let images = line.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
        links.chain(images)
    })
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The anchors of a page's headings, as GitHub and mdBook generate them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in prose(text).filter(|line| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        // Of a link only its text counts.
        let heading = match (heading.split_once("]("), heading.starts_with('[')) {
            (Some((text, _)), true) => text.trim_start_matches('[').to_owned(),
            _ => heading,
        };
        let name: String = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let same = (1..).map(|n| format!("{name}-{n}"));
        let free = std::iter::once(name.clone()).chain(same).find(|name| !found.contains(name));
        found.extend(free);
    }
    found
}

#[test]
fn anchors_come_from_headings() {
    let page = "# Use `a_b`, now\n## Use `a_b`, now\n```sh\n# no heading\n```\n## [Text](x.md)\n";
    let wanted = ["use-a_b-now", "use-a_b-now-1", "text"].map(str::to_owned);
    assert_eq!(anchors(page), wanted.into());
}
