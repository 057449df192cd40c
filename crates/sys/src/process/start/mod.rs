//! Starting a program: its environment, its file, and a process of its own.

pub mod env_file;
pub mod interpreter;
pub mod landing;
pub mod limits;
pub mod lookup;
pub mod spawn;
