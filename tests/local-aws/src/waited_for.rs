//! Programs that a thread waits for: cargo, pip, Terraform, the emulator. The demo ends them when it is stopped, because a
//! thread cannot be stopped. Tests leave them in their own process group, where Ctrl-C reaches them.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process_group};

use super::process::guard;

static PROGRAMS: Mutex<Programs> = Mutex::new(Programs { stoppable: false, stopped: false, running: Vec::new() });

struct Programs {
    /// Whether each program leads a process group of its own.
    stoppable: bool,
    stopped: bool,
    running: Vec<Pid>,
}

/// Lets [`stop_programs`] end the programs that start from now on, with the programs that these start. Ctrl-C does not
/// reach them then.
pub fn make_programs_stoppable() {
    guard(&PROGRAMS).stoppable = true;
}

/// Ends the programs that run, and lets no other start.
pub fn stop_programs() {
    let mut programs = guard(&PROGRAMS);
    programs.stopped = true;
    programs.running.drain(..).for_each(kill_group);
}

/// Sends SIGKILL to the process group that a child leads.
fn kill_group(leader: Pid) {
    // It fails only if all of the group have ended.
    let _gone = kill_process_group(leader, Signal::KILL);
}

/// A program that is known to [`stop_programs`] until this is dropped.
#[derive(Debug)]
pub(super) struct Registered(Pid);

impl Drop for Registered {
    fn drop(&mut self) {
        guard(&PROGRAMS).running.retain(|pid| *pid != self.0);
    }
}

/// Starts a program.
pub(super) fn spawn(command: &mut Command) -> io::Result<(Child, Registered)> {
    let mut programs = guard(&PROGRAMS);
    if programs.stopped {
        return Err(io::ErrorKind::Interrupted.into());
    }
    if programs.stoppable {
        command.process_group(0);
    }
    let child = command.spawn()?;
    let pid = Pid::from_child(&child);
    if programs.stoppable {
        programs.running.push(pid);
    }
    Ok((child, Registered(pid)))
}

/// Runs a program to its end and returns its output.
pub(super) fn output(command: &mut Command) -> io::Result<Output> {
    let (child, _registered) = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    child.wait_with_output()
}

/// Runs a program to its end.
pub(super) fn status(command: &mut Command) -> io::Result<ExitStatus> {
    let (mut child, _registered) = spawn(command)?;
    child.wait()
}

/// Ends the process group of a child when this is dropped, unless the child has ended before.
#[derive(Debug)]
pub(super) struct KilledGroup(Option<Pid>);

impl KilledGroup {
    /// Takes a child that leads its process group.
    pub(super) fn of(child: &tokio::process::Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

    /// Leaves the group alone: the child has ended.
    pub(super) fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for KilledGroup {
    fn drop(&mut self) {
        self.0.into_iter().for_each(kill_group);
    }
}
