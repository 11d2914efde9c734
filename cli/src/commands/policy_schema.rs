//! `countersign policy schema`: the JSON Schema of the configuration file.

use clap::Args;

use crate::exit::Failure;
use crate::output::value;

/// Print the JSON Schema of the configuration file
///
/// Editors complete and check the file with it. The package installs it, and the shipped file names it in its first line,
/// as Taplo, and Even Better TOML in VS Code, understand it. The service checks more than a schema can say: `countersign
/// policy check` tells everything.
#[derive(Debug, Args)]
#[command(after_help = "\
First line of the file:
  #:schema file:///usr/share/countersign/countersign.schema.json

Examples:
  countersign policy schema > countersign.schema.json
  taplo check --schema file://$PWD/countersign.schema.json countersign.toml")]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Self {} = self;
        value(&countersign_config::schema())
    }
}
