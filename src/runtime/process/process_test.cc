#include "runtime/process/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/channel.h"
#include "runtime/process/process_table.h"

namespace stoker::runtime {
namespace {

SystemClock system_clock_;

ProcessSpec shell(std::string script) {
  ProcessSpec spec;
  spec.argv = {"sh", "-c", std::move(script)};
  return spec;
}

Output run(ProcessSpec spec) {
  auto output = run_program(std::move(spec), {}, system_clock_);
  EXPECT_TRUE(output) << output.error().describe();
  return *std::move(output);
}

TEST(Process, RunsWithEnvironmentFolderAndStreams) {
  auto folder = TemporaryDirectory::make("stoker process ").value();
  auto spec = shell("echo \"$GREETING\"; pwd; cat; echo problem >&2; exit 3");
  spec.environment = Environment{{"GREETING", "hello\nthere"}, {"PATH", "/usr/bin:/bin"}};
  spec.working_directory = folder.path();
  auto output = run(spec);
  EXPECT_EQ(output.out, "hello\nthere\n" + std::filesystem::canonical(folder.path()).string() + "\n");
  EXPECT_EQ(output.err, "problem\n");
  EXPECT_EQ(output.status.code, 3);
  EXPECT_EQ(output.status.describe(), "exit code 3");
}

TEST(Process, SaysWhatCouldNotBeStarted) {
  ProcessSpec spec;
  spec.argv = {"no-such-program-here"};
  auto missing = Process::start(spec);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_NE(missing.error().message.find("no-such-program-here"), std::string::npos);
  spec.argv = {"/etc/passwd"};
  EXPECT_EQ(Process::start(spec).error().code, ErrorCode::permission);
  spec = shell("true");
  spec.working_directory = "/no/such/folder";
  EXPECT_NE(Process::start(spec).error().message.find("/no/such/folder"), std::string::npos);
  spec.argv = {};
  EXPECT_FALSE(Process::start(spec).ok());
}

TEST(Process, PassesOnlyTheNamedDescriptors) {
  auto pipe = make_pipe().value();
  auto other = make_pipe().value();
  std::string number = std::to_string(pipe.write_end.get());
  auto spec = shell("echo through >&" + number + "; ls /proc/self/fd | tr '\\n' ' '");
  spec.inherited = {pipe.write_end.get()};
  auto output = run(spec);
  pipe.write_end.reset();
  char buffer[16];
  EXPECT_EQ(::read(pipe.read_end.get(), buffer, sizeof buffer), 8);
  EXPECT_EQ(output.out.find(" " + std::to_string(other.read_end.get()) + " "), std::string::npos) << output.out;
}

TEST(Process, KillsTheWholeGroupAndTellsTheSignal) {
  auto pipe = make_pipe().value();
  auto spec = shell("sleep 1000 & echo ready; wait");
  spec.output = Stream::to(pipe.write_end.get());
  auto process = Process::start(spec).value();
  pipe.write_end.reset();
  char buffer[16];
  ASSERT_EQ(::read(pipe.read_end.get(), buffer, sizeof buffer), 6);
  EXPECT_FALSE(process.try_wait().value().has_value());
  EXPECT_GT(resident_memory_of_session(process.pid()), 0u);
  process.kill_group(SIGKILL);
  auto status = process.wait({}, system_clock_).value();
  EXPECT_EQ(status.signal, SIGKILL);
  EXPECT_NE(status.describe().find("signal 9"), std::string::npos);
  EXPECT_EQ(::read(pipe.read_end.get(), buffer, sizeof buffer), 0) << "the grandchild is gone too";
  process.kill_group(SIGKILL);
}

TEST(Process, MeasuresItsUse) {
  auto status = run(shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")).status;
  EXPECT_GT(status.user.count() + status.system.count(), 0);
  EXPECT_GT(status.peak_rss_bytes, 100'000u);
}

TEST(Process, ResetsSignalsAndMask) {
  ::signal(SIGPIPE, SIG_IGN);
  auto output = run(shell("grep -E 'Sig(Blk|Ign)' /proc/self/status"));
  ::signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ(output.out.find("SigBlk:\t0000000000000000\n"), 0U) << output.out;
  // Signals 32 and 33 are the C library's own: it lets nobody set them, and we may have inherited them ignored.
  const auto ignored = std::stoull(output.out.substr(output.out.rfind('\t') + 1), nullptr, 16);
  EXPECT_EQ(ignored & ~0x180000000ULL, 0U) << output.out;
}

TEST(Process, AnUnwaitedOneIsKilledWithItsObject) {
  std::optional<ProcessIdentity> identity;
  {
    auto process = Process::start(shell("sleep 1000")).value();
    identity = identify_process(process.pid());
    ASSERT_TRUE(identity && is_alive(*identity));
  }
  EXPECT_FALSE(is_alive(*identity));
}

TEST(Process, WaitEndsWithItsContext) {
  auto process = Process::start(shell("sleep 1000")).value();
  EXPECT_EQ(
      process.wait(Context{}.with_timeout(system_clock_, std::chrono::milliseconds(1)), system_clock_).error().code,
      ErrorCode::timed_out);
}

TEST(RunProgram, KeepsAtMostTheLimit) {
  auto output = run_program(shell("head -c 100000 /dev/zero"), {}, system_clock_, {.limit_bytes = 1000});
  EXPECT_EQ(output->out.size(), 1000u);
  EXPECT_TRUE(output->status.success());
}

TEST(ProcessTable, FindsByEnvironmentAndNeverHitsAnother) {
  auto spec = shell("echo ready; exec sleep 1000");
  spec.environment = current_environment();
  std::string id = "run-" + std::to_string(::getpid()) + "/step/1";
  (*spec.environment)["STOKER_ATTEMPT_ID"] = id;
  auto pipe = make_pipe().value();
  spec.output = Stream::to(pipe.write_end.get());
  auto process = Process::start(spec).value();
  pipe.write_end.reset();
  char buffer[16];
  ASSERT_EQ(::read(pipe.read_end.get(), buffer, sizeof buffer), 6);
  auto found = find_processes_by_environment("STOKER_ATTEMPT_ID", id);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pid, process.pid());
  EXPECT_TRUE(find_processes_by_environment("STOKER_ATTEMPT_ID", id + "0").empty());
  EXPECT_EQ(find_processes_by_environment_prefix("STOKER_ATTEMPT_ID", id.substr(0, id.size() - 2)).size(), 1u);
  // The same number with another start is another process.
  EXPECT_FALSE(signal_process({process.pid(), "1@other"}, SIGKILL));
  EXPECT_TRUE(signal_process(found[0], SIGKILL));
  EXPECT_EQ(process.wait({}, system_clock_)->signal, SIGKILL);
  EXPECT_FALSE(signal_process(found[0], SIGKILL));
}

TEST(ProcessTable, FindsWhatALeaderLeftBehind) {
  std::string id = "left-" + std::to_string(::getpid()) + "/step/1";
  // One child stays in the session without the variable, one leaves the session with it; both hold the pipe open.
  auto spec = shell("env -i sleep 1000 & setsid sleep 1000 & echo ready");
  spec.environment = current_environment();
  (*spec.environment)["STOKER_ATTEMPT_ID"] = id;
  auto pipe = make_pipe().value();
  spec.output = Stream::to(pipe.write_end.get());
  auto process = Process::start(spec).value();
  pipe.write_end.reset();
  ASSERT_TRUE(process.wait({}, system_clock_));
  // setsid may not have exec'd or left yet: it is found either way.
  auto found = find_left_behind(process.pid(), "STOKER_ATTEMPT_ID", id);
  EXPECT_EQ(found.size(), 2u);
  for (const auto& one : found)
    EXPECT_TRUE(signal_process(one, SIGKILL));
  char buffer[64];
  while (::read(pipe.read_end.get(), buffer, sizeof buffer) > 0) {
  }
  EXPECT_TRUE(find_left_behind(process.pid(), "STOKER_ATTEMPT_ID", id).empty());
}

}  // namespace
}  // namespace stoker::runtime
