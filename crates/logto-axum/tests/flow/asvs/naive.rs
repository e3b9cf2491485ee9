//! Naive applications.
