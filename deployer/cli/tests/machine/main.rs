//! `deployctl` on people's machines: the credentials that they have, the networks that they are in, and the hints that
//! they get. It runs the real program against servers on this machine.

#![allow(clippy::unwrap_used, reason = "a mistake in a test ends the test")]

mod approve;
mod aws;
mod buckets;
mod credentials;
mod deployed;
mod diff;
mod exits;
mod heads;
mod hints;
mod history;
mod home;
mod invoke;
mod logs;
mod names;
mod network;
mod notice;
mod open;
mod promote_several;
mod proof;
mod push;
mod recall;
mod redrive;
mod regions;
mod repeat;
mod rollback;
mod server;
mod versions;
mod wrapped;
