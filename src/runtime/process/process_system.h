// What processes need of the system beyond POSIX: one body for Linux, one for the others (process_linux.cc,
// process_posix.cc).
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "runtime/fd.h"

namespace stoker::runtime::system {

// A descriptor that becomes readable when the process has ended (not necessarily been reaped). The process need not be
// a child.
Result<Fd> exit_descriptor(pid_t pid);

// In the child, between fork and exec: ask to be killed when the starting thread ends. Async-signal-safe. False: the
// parent is gone already.
bool die_with_parent(pid_t parent);

}  // namespace stoker::runtime::system
