//! Blocks of code in the documents.

use std::fs;
use std::path::{Path, PathBuf};

/// A block between fences.
#[derive(Debug)]
pub struct Block {
    /// The path of the page, relative to the root of the repository.
    pub page: String,
    /// The number of its first line, counted from 1.
    pub line: usize,
    /// The language after the opening fence: `sh`, `text`, …
    pub language: String,
    pub text: String,
}

impl Block {
    pub fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }

    /// Its commands, each in one line, without comments; and what a command reads from a
    /// document within the block is left out.
    pub fn commands(&self) -> Vec<String> {
        let text = self.text.replace("\\\n", " ");
        let (mut commands, mut end): (Vec<String>, Option<String>) = (Vec::new(), None);
        for line in text.lines() {
            if let Some(word) = &end {
                if line == word {
                    end = None;
                }
                continue;
            }
            let line = line.split("  #").next().unwrap().trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some((_, word)) = line.split_once("<<") {
                end = Some(word.trim_matches(['\'', '"']).to_owned());
            }
            commands.push(line.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        commands
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages in the root that have commands, and all pages of `docs` and `examples`.
pub fn pages() -> Vec<String> {
    let root_pages = ["CONTRIBUTING.md", "README.md", "SECURITY.md", "SPECIFICATION.md"];
    let mut pages = root_pages.map(str::to_owned).to_vec();
    let mut folders = vec!["docs".to_owned(), "examples".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(name);
            } else if name.ends_with(".md") {
                pages.push(name);
            }
        }
    }
    pages.sort();
    pages
}

/// All their blocks.
pub fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        let mut open: Option<Block> = None;
        for (n, line) in text.lines().enumerate() {
            let content = line.trim_start();
            match (&mut open, content.strip_prefix("```")) {
                (None, Some(language)) => {
                    let (page, language) = (page.clone(), language.to_owned());
                    open = Some(Block { page, line: n + 1, language, text: String::new() });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                // In a list a block is indented.
                (Some(block), None) if block.language == "text" => {
                    block.text.push_str(&format!("{content}\n"));
                }
                (Some(block), None) => block.text.push_str(&format!("{line}\n")),
                (None, None) => {}
            }
        }
    }
    assert!(blocks.len() > 50, "only {} blocks: the documents are gone", blocks.len());
    blocks
}
