//! A guide that is played: its console blocks are run on a machine, and what they show has to be what comes.
//!
//! Owns the reading of named blocks, the comparison, and the rewriting. A fence of three backticks opens a block with
//! `console NAME`, `toml NAME` or `text NAME`; `exit=1` behind it says how the last command ends. In a console block `# command`
//! is run by root and `ann$ command` by ann; what follows up to the next command is what both of its outputs show. A toml block
//! begins with `# /path/of/the/file`. What differs between two runs is masked on both sides, as `masks` tells. Each named block
//! has to be played, and one without a name is refused: the guide shows nothing that did not happen.
//!
//! With `UPDATE_GUIDE=1` blocks that differ are rewritten, to be reviewed as code; blocks that differ only in what is masked stay.

mod masks;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::machine::Machine;
use masks::masked;

/// The variable that has blocks rewritten.
const UPDATE: &str = "UPDATE_GUIDE";
/// What opens and closes a block.
const FENCE: &str = "```";

/// A guide and how much of it was played.
pub struct Guide {
    path: PathBuf,
    lines: Vec<String>,
    blocks: Vec<Block>,
    wrong: Vec<String>,
}

/// A named block.
struct Block {
    name: String,
    /// The line of its first word, and the one of its end, counted from 0.
    begins: usize,
    ends: usize,
    exit: i32,
    played: Option<String>,
}

/// A line of a console block that is typed.
#[derive(Debug, PartialEq, Eq)]
struct Typed<'a> {
    user: &'a str,
    command: &'a str,
}

impl Guide {
    /// Reads a guide of `docs/guide`.
    ///
    /// # Errors
    /// When it cannot be read, or a block of a console has no name or one that is taken.
    pub fn open(name: &str) -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide").join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let blocks = blocks(&lines)?;
        Ok(Self { path, lines, blocks, wrong: Vec::new() })
    }

    /// Runs the commands of a console block and notes where what they show is not what stands there; returns that.
    ///
    /// # Errors
    /// When there is no such block, or a command cannot be started or ends otherwise than the block says.
    pub fn play(&mut self, machine: &Machine, name: &str) -> Result<String> {
        let (text, exit) = self.block(name)?;
        let commands: Vec<&str> = text.lines().filter(|line| typed(line).is_some()).collect();
        let mut shown = String::new();
        for (at, line) in commands.iter().enumerate() {
            let is_last = at + 1 == commands.len();
            let (said, status) = run(machine, line)?;
            ensure!(status == if is_last { exit } else { 0 }, "{name}: {line} ended with {status}:\n{said}");
            shown = format!("{shown}{line}\n{said}");
        }
        self.compare(name, &shown)?;
        Ok(shown)
    }

    /// Compares what a dialogue showed with a block, and notes where they differ.
    ///
    /// # Errors
    /// When there is no such block.
    pub fn compare(&mut self, name: &str, shown: &str) -> Result<()> {
        let (text, _) = self.block(name)?;
        let shown = masks::folded(shown);
        if masked(&text) == masked(&shown) {
            self.find_mut(name)?.played = Some(text);
            return Ok(());
        }
        let line = self.find(name)?.begins;
        let wrong = format!("{name} (line {line}):\n{text}\nshows:\n{shown}");
        eprintln!("{wrong}");
        self.wrong.push(wrong);
        self.find_mut(name)?.played = Some(shown);
        Ok(())
    }

    /// Writes the file of a toml block to the path in its first line; returns the path.
    ///
    /// # Errors
    /// When there is no such block, or it does not begin with a path.
    pub fn write(&mut self, machine: &Machine, name: &str) -> Result<String> {
        let (text, _) = self.block(name)?;
        let first = text.lines().next().unwrap_or_default();
        let path = first.strip_prefix("# ").filter(|path| path.starts_with('/'));
        let path = path.with_context(|| format!("{name} does not begin with `# /path`"))?.to_owned();
        machine.write_file(&path, &text, 0o644)?;
        self.find_mut(name)?.played = Some(text);
        Ok(path)
    }

    /// Ends the play: rewrites the guide where that is asked for.
    ///
    /// # Errors
    /// When a block showed something else, or was not played.
    pub fn end(mut self) -> Result<()> {
        let left: Vec<&str> = self
            .blocks
            .iter()
            .filter(|block| block.played.is_none())
            .map(|block| block.name.as_str())
            .collect();
        ensure!(left.is_empty(), "blocks that nobody played: {}", left.join(", "));
        if self.wrong.is_empty() {
            return Ok(());
        }
        if std::env::var_os(UPDATE).is_none() {
            bail!("{}\n{UPDATE}=1 writes what was shown", self.wrong.join("\n"));
        }
        for block in self.blocks.iter().rev() {
            let text = block.played.iter().flat_map(|text| text.lines()).map(str::to_owned);
            self.lines.splice(block.begins..block.ends, text);
        }
        fs::write(&self.path, self.lines.join("\n") + "\n").context("writing the guide")
    }

    /// The text of a block and the exit code of its last command.
    fn block(&self, name: &str) -> Result<(String, i32)> {
        let block = self.find(name)?;
        let lines = self.lines.get(block.begins..block.ends).unwrap_or_default();
        Ok((lines.join("\n") + "\n", block.exit))
    }

    fn find(&self, name: &str) -> Result<&Block> {
        self.blocks.iter().find(|block| block.name == name).with_context(|| format!("no block {name}"))
    }

    fn find_mut(&mut self, name: &str) -> Result<&mut Block> {
        self.blocks.iter_mut().find(|block| block.name == name).with_context(|| format!("no block {name}"))
    }
}

/// Finds the named blocks.
fn blocks(lines: &[String]) -> Result<Vec<Block>> {
    let mut found: Vec<Block> = Vec::new();
    let mut fences = lines.iter().enumerate().filter_map(|(at, line)| Some((at, line.strip_prefix(FENCE)?)));
    while let Some((at, information)) = fences.next() {
        let (ends, _) = fences.next().context("a block without an end")?;
        let mut words = information.split_whitespace();
        let (kind, name) = (words.next().unwrap_or_default(), words.next());
        let Some(name) = name else {
            ensure!(kind != "console", "line {}: a console block without a name", at + 1);
            continue;
        };
        ensure!(found.iter().all(|block| block.name != name), "two blocks are called {name}");
        let exit = words.find_map(|word| word.strip_prefix("exit=")).map_or(Ok(0), str::parse)?;
        found.push(Block { name: name.to_owned(), begins: at + 1, ends, exit, played: None });
    }
    Ok(found)
}

/// What a line types, where it is one that does.
fn typed(line: &str) -> Option<Typed<'_>> {
    if let Some(command) = line.strip_prefix("# ") {
        return Some(Typed { user: "root", command });
    }
    let (user, command) = line.split_once("$ ")?;
    let is_name = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_lowercase());
    is_name.then_some(Typed { user, command })
}

/// Runs a typed line; both outputs as a terminal shows them, and the exit code.
fn run(machine: &Machine, line: &str) -> Result<(String, i32)> {
    let Typed { user, command } = typed(line).with_context(|| format!("no command: {line}"))?;
    let together = format!("exec 2>&1; {command}");
    let words = ["sh", "-c", together.as_str()];
    let output = if user == "root" { machine.run(&words)? } else { machine.run_as(user, &words)? };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((said, output.status.code().unwrap_or(-1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_block_has_a_name_a_place_and_an_exit_code() {
        let text = lines("a\n```console report exit=1\n# countersign\nno\n```\n```toml\nx = 1\n```\n");
        let found = blocks(&text).unwrap();
        let [report] = found.as_slice() else { panic!("{} blocks", found.len()) };
        assert_eq!((report.name.as_str(), report.begins, report.ends, report.exit), ("report", 2, 4, 1));
    }

    #[test]
    fn a_console_without_a_name_and_a_name_used_twice_are_refused() {
        for wrong in ["```console\n# id\n```", "```console a\n```\n```console a\n```", "```console a\n# id"] {
            assert!(blocks(&lines(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn commands_are_told_from_what_they_show() {
        assert_eq!(typed("# id -u"), Some(Typed { user: "root", command: "id -u" }));
        assert_eq!(
            typed("ann$ countersign status"),
            Some(Typed { user: "ann", command: "countersign status" })
        );
        for shown in ["#", "ann: $ 5", "Code: ", "  # x", "USER$"] {
            assert_eq!(typed(shown), None, "{shown}");
        }
    }
}
