//! PostgreSQL input functions.
