#include "cli/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

namespace stoker::cli {

namespace {

constexpr int kInterrupted = 130;

// What whoever started us has us ignore (`nohup`, a job in the background of a script) stays ignored: sigwait() would
// take it.
sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now{};
    if (::sigaction(number, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) sigaddset(&set, number);
  }
  // How the destructor ends the wait.
  sigaddset(&set, SIGUSR2);
  return set;
}

}  // namespace

void block_signals() {
  const auto set = watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

SignalWatch::SignalWatch(std::function<void(int)> on_signal) : on_signal_(std::move(on_signal)) {
  const auto set = watched();
  pthread_sigmask(SIG_BLOCK, &set, &before_);
  thread_ = std::thread([this, set] {
    for (int count = 0;;) {
      int number = 0;
      if (sigwait(&set, &number) != 0 || number == SIGUSR2) return;
      if (++count > 2) _exit(kInterrupted);
      on_signal_(count);
    }
  });
}

SignalWatch::~SignalWatch() {
  pthread_kill(thread_.native_handle(), SIGUSR2);
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace stoker::cli
