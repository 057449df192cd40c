//! Starts a program: prepares its environment, finds its file and creates its process.

pub mod env_file;
pub mod interpreter;
pub mod landing;
pub mod limits;
pub mod lookup;
pub mod spawn;
