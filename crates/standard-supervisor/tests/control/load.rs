//! Many clients, and programs that don't stop talking: supervision is not delayed.
