//! Variables for SageMaker and for the installation of Python packages.

use super::{Accepts, Variable};

/// The command that replaces SageMaker's `serve`; read by `sagemaker`.
pub(crate) const COMMAND: Variable = Variable {
    name: "PROCESS_COMMAND",
    default: Some(""),
    accepts: Accepts::Text("a program and its arguments"),
    stands_for: None,
    doc: "Command to run instead of `serve`, which SageMaker passes, if no such program exists. Split like shell words.",
    once: true,
};

/// Whether a model's requirements are installed.
pub(crate) const AUTO_INSTALL: Variable = Variable {
    name: "STANDARD_AUTO_INSTALL_REQ",
    default: Some("true"),
    accepts: Accepts::Text("true, 1, yes or on; any other value is off"),
    stands_for: None,
    doc: "`true`, `1`, `yes` or `on`: install `requirements.txt` from the model's directory before the program starts. If you set the variable and this file does not exist, `code/requirements.txt` is installed. Any other value: install nothing.",
    once: true,
};

/// The directory of the model.
pub(crate) const MODEL_PATH: Variable = Variable {
    name: "SAGEMAKER_MODEL_PATH",
    default: Some("/opt/ml/model"),
    accepts: Accepts::Text("a path"),
    stands_for: None,
    doc: "The model's directory, with `requirements.txt` and a directory `requirements` of packages.",
    once: true,
};

/// Arguments for pip that replace the requirements file.
pub(crate) const PIP_ARGS: Variable = Variable {
    name: "STANDARD_PIP_ARGS",
    default: Some(""),
    accepts: Accepts::Text("arguments, split like shell words"),
    stands_for: None,
    doc: "Arguments for `pip install` instead of `-r requirements.txt`, such as `-r /srv/more.txt --index-url URL`.",
    once: true,
};

/// Time limit of the installation.
pub(crate) const PIP_TIMEOUT: Variable = Variable {
    name: "STANDARD_PIP_TIMEOUT_SECS",
    default: Some("1800"),
    accepts: Accepts::Whole { unit: "seconds", min: 1, max: Some(86_400) },
    stands_for: None,
    doc: "Time limit for the installation, in seconds.",
    once: true,
};
