//! Promotions that wait.
