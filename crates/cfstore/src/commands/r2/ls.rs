//! `cfstore r2 ls [PREFIX]`

use cloudflare_clients::r2::{ListPage, Object, StorageClass};
use futures_util::TryStreamExt as _;
use indicatif::{BinaryBytes, HumanCount};
use serde_json::json;

use crate::bucket_location::BucketLocation;
use crate::cli::Ls;
use crate::error::{ExitStatus, Result};
use crate::keys::check_listed;
use crate::printer::{BOLD, DIM, Key, Printer, count};
use crate::rfc3339::rfc3339_seconds;
use crate::selection::Selection;

pub(crate) async fn run(args: Ls, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let selection = Selection::parse(args.prefix, args.literal.literal)?;
    let target = location.target()?;
    // Over S3 this would need a request per object.
    let has_types = args.long && matches!(location, BucketLocation::Embedded(..));
    let columns = match (args.long, has_types) {
        (false, _) => Columns::Short,
        (true, false) => Columns::Long,
        (true, true) => Columns::WithType,
    };
    let service = location.open(printer).await?;
    let mut list = service.list().prefix(selection.prefix());
    let every_object = args.recursive || args.tree;
    if !every_object && matches!(selection, Selection::Prefix(_)) || selection.is_shallow() {
        list = list.delimiter("/");
    }
    if has_types {
        list = list.include_metadata();
    }
    let mut pages = list.pages();
    let mut tree = Tree::default();
    let (mut objects, mut bytes, mut directories) = (0, 0_u64, 0);
    while let Some(mut page) = pages.try_next().await? {
        if let Selection::Pattern(pattern) = &selection {
            check_listed(selection.prefix(), page.objects.iter().map(|object| object.key.as_str()))?;
            page.objects.retain(|object| pattern.matches(&object.key));
            page.delimited_prefixes.retain(|directory| {
                !every_object && pattern.matches(directory.strip_suffix('/').unwrap_or(directory))
            });
        }
        objects += page.objects.len() as u64;
        directories += page.delimited_prefixes.len() as u64;
        bytes = page.objects.iter().fold(bytes, |sum, object| sum.saturating_add(object.size));
        for row in rows(&page) {
            match row {
                Row::Object(object) if printer.is_json() => printer.json(object)?,
                Row::Directory(prefix) if printer.is_json() => printer.json(&json!({ "prefix": prefix }))?,
                Row::Object(object) if args.tree => tree.print(object, columns, printer)?,
                Row::Object(object) => columns.print_object(object, &object.key, 0, printer)?,
                Row::Directory(prefix) => columns.print_directory(prefix, 0, printer)?,
            }
        }
    }
    selection.check_found(objects > 0 || directories > 0)?;
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

/// Returns the objects and directories of a page, sorted by name.
fn rows(page: &ListPage) -> Vec<Row<'_>> {
    let objects = page.objects.iter().map(Row::Object);
    let directories = page.delimited_prefixes.iter().map(|prefix| Row::Directory(prefix));
    let mut rows: Vec<_> = objects.chain(directories).collect();
    rows.sort_by(|a, b| a.name().cmp(b.name()));
    rows
}

/// Columns of the listing.
#[derive(Clone, Copy)]
enum Columns {
    Short,
    Long,
    WithType,
}

impl Columns {
    fn print_object(self, object: &Object, name: &str, depth: usize, printer: Printer) -> Result<()> {
        printer.line(format_args!(
            "{DIM}{}{DIM:#}  {:>11}  {}{:indent$}{}",
            rfc3339_seconds(object.uploaded),
            BinaryBytes(object.size).to_string(),
            self.more(Some(object)),
            "",
            Key(name),
            indent = 2 * depth,
        ))
    }

    fn print_directory(self, name: &str, depth: usize, printer: Printer) -> Result<()> {
        printer.line(format_args!(
            "{:20}  {:>11}  {}{:indent$}{BOLD}{}{BOLD:#}",
            "",
            "",
            self.more(None),
            "",
            Key(name),
            indent = 2 * depth,
        ))
    }

    /// Returns the additional columns before the name.
    fn more(self, object: Option<&Object>) -> String {
        let class = object.and_then(|object| object.storage_class).map_or("", StorageClass::as_str);
        let etag = object.map_or("", |object| &object.etag);
        let content_type = object.and_then(Object::content_type).unwrap_or_default();
        let long = format!("{class:<16}  {:<36}  ", Key(etag).to_string());
        match self {
            Self::Short => String::new(),
            Self::Long => long,
            Self::WithType => format!("{long}{:<30}  ", Key(content_type).to_string()),
        }
    }
}

/// Prints objects in the order of their keys, and each directory before its first object.
#[derive(Default)]
struct Tree {
    /// The directories of the previous object, each with its slash.
    directories: Vec<String>,
}

impl Tree {
    fn print(&mut self, object: &Object, columns: Columns, printer: Printer) -> Result<()> {
        let mut parts: Vec<_> = object.key.split_inclusive('/').collect();
        // A key that ends with a slash is an object without a name in that directory.
        let name = if object.key.ends_with('/') { "(no name)" } else { parts.pop().unwrap_or_default() };
        let common =
            parts.iter().zip(&self.directories).take_while(|(part, directory)| part == directory).count();
        self.directories.truncate(common);
        for part in parts.into_iter().skip(common) {
            columns.print_directory(part, self.directories.len(), printer)?;
            self.directories.push(part.to_owned());
        }
        columns.print_object(object, name, self.directories.len(), printer)
    }
}
