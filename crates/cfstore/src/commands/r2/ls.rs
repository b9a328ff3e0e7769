//! `cfstore r2 ls [PREFIX]`

use cloudflare_clients::r2::{ListPage, Object};
use futures_util::TryStreamExt as _;
use indicatif::{BinaryBytes, HumanCount};
use serde_json::json;

use crate::bucket_location::BucketLocation;
use crate::cli::Ls;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{BOLD, DIM, Key, Printer, count};
use crate::rfc3339::rfc3339_seconds;

pub(crate) async fn run(args: Ls, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let target = location.target()?;
    let service = location.open(printer).await?;
    let mut list = service.list().prefix(&args.prefix);
    if !args.recursive && !args.tree {
        list = list.delimiter("/");
    }
    let mut pages = list.pages();
    let mut tree = Tree::default();
    let (mut objects, mut bytes, mut directories) = (0, 0_u64, 0);
    while let Some(page) = pages.try_next().await? {
        objects += page.objects.len() as u64;
        directories += page.delimited_prefixes.len() as u64;
        bytes = page.objects.iter().fold(bytes, |sum, object| sum.saturating_add(object.size));
        for row in rows(&page) {
            match row {
                Row::Object(object) if printer.is_json() => printer.json(object)?,
                Row::Directory(prefix) if printer.is_json() => printer.json(&json!({ "prefix": prefix }))?,
                Row::Object(object) if args.tree => tree.print(object, printer)?,
                Row::Object(object) => print_object(object, &object.key, 0, printer)?,
                Row::Directory(prefix) => print_directory(prefix, 0, printer)?,
            }
        }
    }
    if objects == 0 && directories == 0 {
        Error::if_misread(&args.prefix, "r2")?;
    }
    let totals = format!("{}, {}", count(objects, "object"), BinaryBytes(bytes));
    let totals = match directories {
        0 => totals,
        1 => format!("1 directory, {totals}"),
        n => format!("{} directories, {totals}", HumanCount(n)),
    };
    printer.summary(totals, &target);
    Ok(ExitStatus::Success)
}

#[derive(Clone, Copy)]
enum Row<'a> {
    Object(&'a Object),
    Directory(&'a str),
}

impl Row<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Object(object) => &object.key,
            Self::Directory(prefix) => prefix,
        }
    }
}

/// A page's objects and directories together, by name.
fn rows(page: &ListPage) -> Vec<Row<'_>> {
    let objects = page.objects.iter().map(Row::Object);
    let directories = page.delimited_prefixes.iter().map(|prefix| Row::Directory(prefix));
    let mut rows: Vec<_> = objects.chain(directories).collect();
    rows.sort_by(|a, b| a.name().cmp(b.name()));
    rows
}

fn print_object(object: &Object, name: &str, depth: usize, printer: Printer) -> Result<()> {
    printer.line(format_args!(
        "{DIM}{}{DIM:#}  {:>11}  {:indent$}{}",
        rfc3339_seconds(object.uploaded),
        BinaryBytes(object.size).to_string(),
        "",
        Key(name),
        indent = 2 * depth,
    ))
}

fn print_directory(name: &str, depth: usize, printer: Printer) -> Result<()> {
    printer.line(format_args!(
        "{:20}  {:>11}  {:indent$}{BOLD}{}{BOLD:#}",
        "",
        "",
        "",
        Key(name),
        indent = 2 * depth,
    ))
}

/// Prints objects in the order of their keys below their directories, each when it first appears.
#[derive(Default)]
struct Tree {
    /// The directories of the object before, each with its slash.
    directories: Vec<String>,
}

impl Tree {
    fn print(&mut self, object: &Object, printer: Printer) -> Result<()> {
        let mut parts: Vec<_> = object.key.split_inclusive('/').collect();
        // A key that ends in a slash is an object in that directory, without a name.
        let name = if object.key.ends_with('/') { "(no name)" } else { parts.pop().unwrap_or_default() };
        let common =
            parts.iter().zip(&self.directories).take_while(|(part, directory)| part == directory).count();
        self.directories.truncate(common);
        for part in parts.into_iter().skip(common) {
            print_directory(part, self.directories.len(), printer)?;
            self.directories.push(part.to_owned());
        }
        print_object(object, name, self.directories.len(), printer)
    }
}
