// Deadlines, timers, the event loop, queues and stop descriptors.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "runtime/bounded_queue.h"
#include "runtime/context.h"
#include "runtime/event_loop.h"

namespace stoker::runtime {
namespace {

using std::chrono::milliseconds;

TEST(Deadline, ComparesAndRounds) {
  ManualClock clock;
  auto soon = Deadline::after(clock, milliseconds(5));
  EXPECT_LT(soon, Deadline::never());
  EXPECT_FALSE(soon.passed(clock.steady_now()));
  EXPECT_EQ(Deadline::at(clock.steady_now() + std::chrono::microseconds(1)).poll_timeout(clock.steady_now()), 1);
  EXPECT_EQ(Deadline::never().poll_timeout(clock.steady_now()), -1);
  EXPECT_TRUE(Deadline::after(clock, milliseconds::max()).is_never());
  clock.advance(milliseconds(5));
  EXPECT_TRUE(soon.passed(clock.steady_now()));
  EXPECT_EQ(soon.poll_timeout(clock.steady_now()), 0);
  EXPECT_FALSE(Deadline::never().passed(SteadyTime::max()));
}

TEST(Context, AChildNeverOutlivesItsParent) {
  ManualClock clock;
  auto parent = Context{}.with_timeout(clock, milliseconds(10));
  EXPECT_EQ(parent.with_timeout(clock, milliseconds(50)).deadline, parent.deadline);
  EXPECT_LT(parent.with_timeout(clock, milliseconds(5)).deadline, parent.deadline);
  EXPECT_TRUE(parent.check(clock).ok());
  clock.advance(milliseconds(10));
  EXPECT_EQ(parent.check(clock).error().code, ErrorCode::timed_out);
}

TEST(TimerQueue, RunsDueTimersInOrder) {
  TimerQueue timers;
  std::string order;
  SteadyTime start{};
  timers.add(start + milliseconds(2), [&] { order += "b"; });
  timers.add(start + milliseconds(1), [&] { order += "a"; });
  auto cancelled = timers.add(start + milliseconds(1), [&] { order += "x"; });
  timers.add(start + milliseconds(2), [&] {
    order += "c";
    timers.add(start, [&] { order += "d"; });
  });
  timers.cancel(cancelled);
  timers.cancel(cancelled);
  EXPECT_EQ(timers.next().time(), start + milliseconds(1));
  EXPECT_EQ(timers.run_due(start + milliseconds(2)), 3u);
  EXPECT_EQ(order, "abc") << "a timer added by a callback waits for the next round";
  timers.run_due(start);
  EXPECT_EQ(order, "abcd");
  EXPECT_TRUE(timers.next().is_never());
}

TEST(EventLoop, HandlesDescriptorsTimersAndPosts) {
  ManualClock clock;
  EventLoop loop(clock);
  auto pipe = make_pipe().value();
  int readable = 0;
  loop.watch(pipe.read_end.get(), [&] {
    char byte;
    EXPECT_EQ(::read(pipe.read_end.get(), &byte, 1), 1);
    ++readable;
  });
  EXPECT_FALSE(loop.run_once(milliseconds(0)));
  ASSERT_EQ(::write(pipe.write_end.get(), "x", 1), 1);
  EXPECT_TRUE(loop.run_once(milliseconds(0)));
  EXPECT_EQ(readable, 1);
  bool fired = false;
  loop.after(milliseconds(50), [&] { fired = true; });
  loop.run_once(milliseconds(0));
  EXPECT_FALSE(fired);
  clock.advance(milliseconds(50));
  loop.run_once(milliseconds(0));
  EXPECT_TRUE(fired);
  std::thread other([&] { loop.post([&] { loop.stop(); }); });
  loop.run();
  other.join();
}

TEST(EventLoop, ACallbackMayForgetAnother) {
  SystemClock clock;
  EventLoop loop(clock);
  auto first = make_pipe().value();
  auto second = make_pipe().value();
  int calls = 0;
  auto forget_both = [&] {
    ++calls;
    loop.forget(first.read_end.get());
    loop.forget(second.read_end.get());
  };
  loop.watch(first.read_end.get(), forget_both);
  loop.watch(second.read_end.get(), forget_both);
  ASSERT_EQ(::write(first.write_end.get(), "x", 1), 1);
  ASSERT_EQ(::write(second.write_end.get(), "x", 1), 1);
  loop.run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);
}

TEST(StopDescriptor, BecomesReadable) {
  StopSource source;
  StopDescriptor descriptor(source.get_token());
  pollfd polled{descriptor.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&polled, 1, 0), 0);
  source.request_stop();
  EXPECT_EQ(::poll(&polled, 1, 0), 1);
  StopDescriptor late(source.get_token());
  polled = {late.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&polled, 1, 0), 1);
}

TEST(BoundedQueue, LimitsBatchesAndCloses) {
  BoundedQueue<int> queue(3);
  EXPECT_TRUE(queue.try_push(1));
  EXPECT_TRUE(queue.push(2));
  EXPECT_TRUE(queue.push(3));
  EXPECT_FALSE(queue.try_push(4));
  EXPECT_EQ(queue.pop_batch(2), (std::vector<int>{1, 2}));
  queue.close();
  EXPECT_FALSE(queue.push(5));
  EXPECT_EQ(queue.pop(), 3);
  EXPECT_TRUE(queue.pop_batch(10).empty());
}

TEST(BoundedQueue, WakesBothSides) {
  BoundedQueue<int> queue(2);
  long sum = 0;
  std::thread consumer([&] {
    while (auto item = queue.pop())
      sum += *item;
  });
  for (int i = 1; i <= 1000; ++i)
    ASSERT_TRUE(queue.push(i));
  queue.close();
  consumer.join();
  EXPECT_EQ(sum, 500500);
  BoundedQueue<int> other(1);
  StopSource stop;
  std::thread stopper([&] { stop.request_stop(); });
  EXPECT_TRUE(other.pop_batch(1, stop.get_token()).empty());
  stopper.join();
  ASSERT_TRUE(other.try_push(1));
  EXPECT_FALSE(other.push(2, stop.get_token()));
}

}  // namespace
}  // namespace stoker::runtime
