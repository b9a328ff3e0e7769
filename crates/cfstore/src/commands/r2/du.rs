//! `cfstore r2 du [PREFIX]`

use futures_util::TryStreamExt as _;
use indicatif::{BinaryBytes, HumanCount};
use serde_json::json;

use crate::bucket_location::BucketLocation;
use crate::cli::Du;
use crate::error::{ExitStatus, Result};
use crate::printer::{BOLD, Key, Printer};
use crate::selection::Selection;

pub(crate) async fn run(args: Du, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let selection = Selection::parse(args.prefix.clone(), args.literal.literal)?;
    let target = location.target()?;
    let service = location.open(printer).await?;
    let prefix = selection.prefix();
    let folder = prefix[..prefix.rfind('/').map_or(0, |slash| slash + 1)].to_owned();
    let mut sums =
        Sums { folder, depth: args.depth, open: Vec::new(), total: Sum::default(), printer, target };
    let mut pages = selection.pages(&service);
    while let Some(page) = pages.try_next().await? {
        for object in page {
            sums.add(&object.key, object.size)?;
        }
    }
    selection.check_found(sums.total.objects > 0)?;
    sums.finish(&args.prefix)
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    objects: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Sums of directories. Keys come in order, so a directory is printed at the first key outside it.
struct Sums {
    /// The directory of all keys.
    folder: String,
    depth: usize,
    /// The directories of the previous key with their full names, outermost first.
    open: Vec<(String, Sum)>,
    total: Sum,
    printer: Printer,
    target: String,
}

impl Sums {
    fn add(&mut self, key: &str, bytes: u64) -> Result<()> {
        self.total.add(bytes);
        while let Some((directory, sum)) = self.open.pop_if(|(directory, _)| !key.starts_with(&**directory)) {
            self.print(&directory, sum)?;
        }
        while self.open.len() < self.depth {
            let begin = self.open.last().map_or(self.folder.len(), |(directory, _)| directory.len());
            let Some(slash) = key.get(begin..).and_then(|rest| rest.find('/')) else { break };
            self.open.push((key[..=begin + slash].to_owned(), Sum::default()));
        }
        self.open.iter_mut().for_each(|(_, sum)| sum.add(bytes));
        Ok(())
    }

    fn finish(mut self, prefix: &str) -> Result<ExitStatus> {
        while let Some((directory, sum)) = self.open.pop() {
            self.print(&directory, sum)?;
        }
        self.print(prefix, self.total)?;
        Ok(ExitStatus::Success)
    }

    fn print(&self, prefix: &str, Sum { objects, bytes }: Sum) -> Result<()> {
        let value = json!({ "prefix": prefix, "objects": objects, "bytes": bytes });
        let all = format!("all  ({})", Key(&self.target));
        let name = Key(if prefix.is_empty() { &all } else { prefix });
        let line = format_args!(
            "{:>11}  {:>9}  {BOLD}{name}{BOLD:#}",
            BinaryBytes(bytes).to_string(),
            HumanCount(objects).to_string()
        );
        if self.printer.is_json() {
            self.printer.json_at(&value, &self.target)
        } else {
            self.printer.line(line)
        }
    }
}
