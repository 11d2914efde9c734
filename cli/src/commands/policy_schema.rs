//! `countersign policy schema`: the JSON Schema of the configuration file.

use clap::Args;

use crate::exit::Failure;
use crate::output::value;

/// Print the JSON Schema of the configuration file
///
/// Editors complete and check the file with it. For Taplo, and for Even Better TOML in VS Code, the first line of the file
/// says where the schema lies, as below. The service checks more than a schema can say: `countersign policy check` tells
/// everything.
#[derive(Debug, Args)]
#[command(after_help = "\
First line of the file:
  #:schema ./countersign.schema.json

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
