//! `live-check` against the local AWS.
