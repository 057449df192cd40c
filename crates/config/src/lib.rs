//! What was said to what it means.
