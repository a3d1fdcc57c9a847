#include "runtime/process/process_usage.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/process/process.h"

namespace stoker::runtime {
namespace {

TEST(ProcessUsage, KnowsItself) {
  auto usage = process_usage(::getpid());
  ASSERT_TRUE(usage.has_value());
  EXPECT_GT(usage->resident_bytes, 0u);
  EXPECT_GE(usage->peak_resident_bytes, usage->resident_bytes);
  EXPECT_FALSE(process_usage(-1).has_value());
  EXPECT_TRUE(physical_memory().has_value());
}

TEST(ProcessUsage, PeakStartsAnew) {
  EXPECT_TRUE(reset_peak_memory(::getpid()));
  EXPECT_FALSE(reset_peak_memory(-1));
}

TEST(ProcessUsage, MembersOfASession) {
  auto pipe = make_pipe();
  ASSERT_TRUE(pipe.ok());
  auto ready = make_pipe();
  ASSERT_TRUE(ready.ok());
  // The inner cat ends when the test closes the pipe; a background command has no standard input but what it is given.
  auto process = Process::start({.argv = {"/bin/sh", "-c", "exec 3<&0; cat <&3 & echo; wait"},
                                 .input = Stream::to(pipe->read_end.get()),
                                 .output = Stream::to(ready->write_end.get())});
  ASSERT_TRUE(process.ok());
  char line = 0;
  ASSERT_EQ(::read(ready->read_end.get(), &line, 1), 1);
  auto members = session_members(process->pid());
  ASSERT_EQ(members.size(), 1u);
  EXPECT_NE(members[0].pid, process->pid());
  process->kill_group(9);
  SystemClock clock;
  EXPECT_TRUE(process->wait({}, clock).ok());
}

}  // namespace
}  // namespace stoker::runtime
