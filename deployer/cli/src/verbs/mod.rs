//! The verbs, one a file or a folder: `Options` are what clap reads, `run` gives an `Answer`.

pub(crate) mod approve;
pub(crate) mod completions;
pub(crate) mod deploy;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod history;
pub(crate) mod hold;
pub(crate) mod init;
pub(crate) mod invoke;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod open;
pub(crate) mod plan;
pub(crate) mod promote;
pub(crate) mod push;
pub(crate) mod recall;
pub(crate) mod redeploy;
pub(crate) mod redrive;
pub(crate) mod reject;
pub(crate) mod rollback;
pub(crate) mod rollout;
pub(crate) mod status;
pub(crate) mod validate;
pub(crate) mod version;
