//! Variables of what becomes of programs' output.

use super::{Owner, Variable};
use crate::options::output_options;

/// What stands in front of lines.
pub(crate) const OUTPUT_PREFIX: Variable = Variable::of_option(
    "PROCESS_OUTPUT_PREFIX",
    (Owner::Programs, &output_options::PREFIX),
    "Text in front of each line of programs' output: `none`, or the `name` of the process, as in `app | line`.",
);

/// What lines become.
pub(crate) const OUTPUT_FORMAT: Variable = Variable::of_option(
    "PROCESS_OUTPUT_FORMAT",
    (Owner::Programs, &output_options::FORMAT),
    "Format of programs' output. `text`: unchanged. `json`: one JSON object per line, with `time`, `program`, `stream` and `message`, or `fields` if the line is a JSON object itself.",
);
