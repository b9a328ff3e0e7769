//! `cargo xtask dist`: builds the published programs and packs them into `target/dist`.

mod archive;
mod build;
mod checksums;
mod contents;
mod deb;
mod image;
mod licences;
mod release;
mod sbom;

use clap::Args;

pub(crate) use self::build::Binary;
use self::release::Release;
use crate::context::Context;
use crate::report::Stop;
use crate::workspace::Workspace;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Target to build for; can be repeated
    #[arg(long = "target", value_name = "TRIPLE", default_values = build::STATIC)]
    targets: Vec<String>,
    /// Address of the repository, for the packages that name it
    #[arg(long, value_name = "URL", env = "CFSTORE_REPOSITORY")]
    repository: Option<String>,
    /// Maintainer of the Debian package, as `NAME <ADDRESS>`
    #[arg(long, value_name = "NAME", env = "CFSTORE_MAINTAINER", default_value = deb::MAINTAINER)]
    maintainer: String,
    /// Time of every file in the packages, in seconds since 1970; by default, that of the last commit
    #[arg(long, value_name = "SECONDS", env = "SOURCE_DATE_EPOCH")]
    source_date_epoch: Option<u64>,
    /// Install missing programs with apt-get
    #[arg(long)]
    install_system: bool,
}

/// Builds and packs everything.
pub(crate) fn dist(workspace: &Workspace, options: &Options) -> Result<(), String> {
    let context = Context { workspace, install_system: options.install_system };
    pack(&context, options).map_err(|stop| match stop {
        Stop::Skipped(why) | Stop::Failed(why) => why,
    })
}

fn pack(context: &Context<'_>, options: &Options) -> Result<(), Stop> {
    let release = Release::begin(context, options.repository.clone(), options.source_date_epoch)?;
    release.clear()?;
    let mut programs = Vec::new();
    for target in &options.targets {
        let binary = build::build(&release, target)?;
        let contents = contents::lay_out(&release, &binary)?;
        archive::write(&release, &contents)?;
        sbom::write(&release, &binary)?;
        if binary.is_static() {
            deb::write(&release, &binary, &contents, &options.maintainer)?;
            programs.push((binary, contents));
        }
    }
    if !programs.is_empty() {
        image::write(&release, &programs)?;
    }
    checksums::write(&release)?;
    println!("written to {}", release.folder.display());
    Ok(())
}

/// Builds the static programs only, for the suite that tests them.
pub(crate) fn static_programs(context: &Context<'_>) -> Result<Vec<Binary>, Stop> {
    let release = Release::begin(context, None, None)?;
    build::STATIC.iter().map(|target| build::build(&release, target)).collect()
}
