//! PostgreSQL's date and time input functions.
