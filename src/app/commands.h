#pragma once
// What main runs: one function a command. Each prints what there is to print and returns the exit
// code.
#include "app/command_line.h"
#include "options/environment.h"

namespace app {

/// The whole program.
/// Threads: the only one so far.
int run(const std::vector<std::string>& arguments);

int run_mount(const Invocation& invocation, const options::Environment& environment);
int run_umount(const options::Values& values, const options::Environment& environment);
int run_status(const options::Values& values, const options::Environment& environment);
int run_whoami(const options::Values& values, const options::Environment& environment);
int run_sign_url(const options::Values& values, const options::Environment& environment);
int run_doctor(const options::Values& values, const options::Environment& environment);
int run_policy(const options::Values& values, const options::Environment& environment);
int run_recover(const options::Values& values, const options::Environment& environment);
int run_emulator(const options::Values& values);

/// Keeps the process's memory from core dumps and from other processes of the same user.
/// Source: prctl(2), PR_SET_DUMPABLE; a core limit of 0 does not stop a pipe in core_pattern.
void forbid_dumps();

/// Opens the log as --log-level and --log-file say. Errors: those of core::open_log.
core::Status open_log(const options::Values& values, bool background);

}  // namespace app
