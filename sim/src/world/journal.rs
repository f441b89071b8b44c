//! The in-memory journal as the world uses it, in one place.
