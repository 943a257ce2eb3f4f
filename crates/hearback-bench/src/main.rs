//! Measures the real Hearback binary, end to end, over loopback.
//!
//! `cases` is what is measured on a small store, `growth` on a large one, `reads` through the API, `push` at a receiver. `process` starts and
//! ends the servers, `load` drives them with what `traffic` has signed beforehand, `report` prints.

mod baseline;
mod cases;
mod cli;
mod cluster;
mod figures;
mod growth;
mod load;
mod machine;
mod pin;
mod pool;
mod process;
mod procfs;
mod push;
mod reads;
mod receiver;
mod report;
mod run;
mod targets;
mod traffic;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::note(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
