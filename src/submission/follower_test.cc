// Following a driver on an API server in memory: a test tells the story of the pod.
#include "submission/follower.h"

#include <fakes/api_server.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>

#include "resources/object.h"

namespace stoker::submission {
namespace {

using namespace std::chrono_literals;

class FollowerTest : public ::testing::Test, protected FollowListener {
 protected:
  FollowerTest() {
    const json::object pod{{"apiVersion", "v1"},
                           {"kind", "Pod"},
                           {"metadata", {{"name", "d"}}},
                           {"spec",
                            {{"restartPolicy", "Never"},
                             {"containers", {json::object{{"name", "spark-kubernetes-driver"}, {"image", "spark"}}}}}}};
    uid_ = resources::metadata_text(client_.create({}, pod, "default").value(), "uid");
  }

  void follow(bool with_log = false) {
    runtime::Context context;
    context.stop = stop_.get_token();
    end_ = std::async(std::launch::async, [this, context, with_log] {
      return submission::follow(context, client_, {.namespace_name = "default", .name = "d", .uid = uid_},
                                {.with_log = with_log, .patience = 100ms, .retry_delay = 1ms}, *this);
    });
    server_.await_watches(2);  // of the pod, of its events
  }
  spark::DriverState end() { return end_.get().value().state; }
  std::vector<std::string> heard() {
    std::scoped_lock lock(mutex_);
    return heard_;
  }

  void await(const std::string& text) {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [&] { return std::ranges::find(heard_, text) != heard_.end(); });
  }
  // About the driver.
  void event(const std::string& name, const std::string& type, const std::string& reason, const std::string& time) {
    const json::object document{
        {"apiVersion", "v1"},
        {"kind", "Event"},
        {"metadata", {{"name", name}}},
        {"involvedObject", {{"kind", "Pod"}, {"namespace", "default"}, {"name", "d"}, {"uid", uid_}}},
        {"type", type},
        {"reason", reason},
        {"message", "configmap \"c\" not found"},
        {"lastTimestamp", time}};
    ASSERT_TRUE(client_.create({}, document, "default").ok());
  }

  void hear(std::string text) {
    std::scoped_lock lock(mutex_);
    heard_.push_back(std::move(text));
    news_.notify_all();
  }
  void on_state(const spark::DriverState& state) override { hear(std::string(spark::driver_phase_name(state.phase))); }
  void on_problem(const StartProblem& problem) override { hear(problem.text); }
  void on_trouble(const Error& error) override { hear("trouble: " + error.message); }
  void on_log(std::string_view line, const runtime::StopToken&) override { hear("log: " + std::string(line)); }

  SystemClock clock_;
  fakes::ApiServer server_{clock_};
  kube::Client client_{server_, clock_, runtime::real_waiting(clock_, [] { return 0U; })};
  std::string uid_;
  runtime::StopSource stop_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::vector<std::string> heard_;  // guarded by mutex_
  std::future<Result<Ending>> end_;
};

using Words = std::vector<std::string>;

TEST_F(FollowerTest, TellsTheLifeOfADriver) {
  follow();
  server_.run_pod("default", "d");
  server_.finish_pod("default", "d", 3);
  EXPECT_EQ(end().exit_code, 3);
  EXPECT_EQ(heard(), (Words{"waiting", "running", "failed"}));
}

TEST_F(FollowerTest, GoesOnWhenItsWatchesEnd) {
  follow();
  for (int i = 0; i < 3; ++i) {
    server_.drop_watches();
    server_.await_watches(2);
  }
  server_.run_pod("default", "d");
  server_.break_watches();
  server_.expire_history();
  server_.finish_pod("default", "d", 0);
  EXPECT_EQ(end().phase, spark::DriverPhase::succeeded);
}

TEST_F(FollowerTest, IsNotMisledByAWatchThatRepeatsAndGoesBack) {
  server_.fail_next(fakes::on("watch", "pods"), fakes::Fault::of(fakes::Fault::Kind::go_back, 1));
  follow();
  server_.run_pod("default", "d");
  server_.finish_pod("default", "d", 0);
  EXPECT_EQ(end().exit_code, 0);
}

TEST_F(FollowerTest, FindsADriverThatEndedBeforeAnybodyLooked) {
  server_.run_pod("default", "d");
  server_.log("default", "d", "late words\n");
  server_.finish_pod("default", "d", 0);
  end_ = std::async(std::launch::async, [this] {
    return submission::follow({}, client_, {.namespace_name = "default", .name = "d", .uid = uid_},
                              {.with_log = true, .retry_delay = 1ms}, *this);
  });
  EXPECT_EQ(end().exit_code, 0);
  EXPECT_EQ(heard(), (Words{"succeeded", "log: late words\n"}));
}

TEST_F(FollowerTest, DoesNotTakeAnotherPodOfTheSameNameForTheDriver) {
  server_.run_pod("default", "d");
  uid_ = "of-another-one";
  end_ = std::async(std::launch::async, [this] {
    return submission::follow({}, client_, {.namespace_name = "default", .name = "d", .uid = uid_}, {}, *this);
  });
  EXPECT_EQ(end().reason, "Deleted");
}

TEST_F(FollowerTest, HandsOnEachLineOfALogOnce) {
  follow(/*with_log=*/true);
  server_.run_pod("default", "d");
  server_.log("default", "d", "one\n");
  server_.await_watches(3);
  server_.cut_logs();
  server_.log("default", "d", "two\n");
  server_.finish_pod("default", "d", 0);
  EXPECT_EQ(end().exit_code, 0);
  Words log;
  for (const std::string& text : heard())
    if (text.starts_with("log: ")) log.push_back(text);
  EXPECT_EQ(log, (Words{"log: one\n", "log: two\n"}));
}

TEST_F(FollowerTest, WaitsForAServerThatHangs) {
  const kube::Client impatient{
      server_, clock_, runtime::real_waiting(clock_, [] { return 0U; }), {.call_timeout = 50ms}};
  server_.fail_next(fakes::on("list", "pods"), fakes::Fault::of(fakes::Fault::Kind::slow));
  end_ = std::async(std::launch::async, [this, &impatient] {
    return submission::follow({}, impatient, {.namespace_name = "default", .name = "d", .uid = uid_},
                              {.retry_delay = 1ms}, *this);
  });
  server_.await_watches(2);
  server_.run_pod("default", "d");
  server_.finish_pod("default", "d", 0);
  EXPECT_EQ(end().exit_code, 0);
}

TEST_F(FollowerTest, SaysWhatKeptTheLogFromBeingRead) {
  server_.deny("get", "pods/log");
  follow(/*with_log=*/true);
  server_.run_pod("default", "d");
  server_.finish_pod("default", "d", 0);
  const Ending ending = end_.get().value();
  EXPECT_EQ(ending.state.exit_code, 0);
  EXPECT_EQ(ending.log_trouble.value().code, ErrorCode::permission);
}

TEST_F(FollowerTest, ForgetsAMountThatFailedBeforeTheNodeWentOn) {
  event("a", "Normal", "Pulling", "2026-01-01T00:00:02Z");
  event("b", "Warning", "FailedMount", "2026-01-01T00:00:01Z");
  follow();
  server_.run_pod("default", "d");
  server_.finish_pod("default", "d", 0);
  EXPECT_EQ(end().exit_code, 0);
  EXPECT_EQ(heard(), (Words{"waiting", "running", "succeeded"}));
}

TEST_F(FollowerTest, GivesUpOnWhatStaysWrong) {
  follow();
  server_.hold_pod("default", "d", "ImagePullBackOff", "no such image");
  const spark::DriverState state = end();
  EXPECT_EQ(state.phase, spark::DriverPhase::waiting);
  EXPECT_EQ(state.reason, "ImagePullBackOff");
  EXPECT_EQ(heard(), (Words{"waiting", "the image cannot be pulled: no such image"}));
}

TEST_F(FollowerTest, DoesNotGiveUpWhileTheImageIsPulledAgain) {
  event("a", "Normal", "Pulling", "2026-01-01T00:00:02Z");
  follow();
  server_.hold_pod("default", "d", "ErrImagePull", "the registry is busy");
  await("the image cannot be pulled: the registry is busy");
  const SteadyTime enough = clock_.steady_now() + 200ms;  // longer than the patience
  while (clock_.steady_now() < enough) {
    server_.drop_watches();
    server_.await_watches(2);
  }
  server_.run_pod("default", "d");
  server_.finish_pod("default", "d", 0);
  EXPECT_EQ(end().exit_code, 0);
}

TEST_F(FollowerTest, GivesUpWhenTheImageCannotBePulledAgainEither) {
  event("a", "Normal", "Pulling", "2026-01-01T00:00:02Z");
  follow();
  server_.hold_pod("default", "d", "ErrImagePull", "no such image");
  await("the image cannot be pulled: no such image");
  event("b", "Warning", "Failed", "2026-01-01T00:00:03Z");
  EXPECT_EQ(end().phase, spark::DriverPhase::waiting);
}

TEST_F(FollowerTest, EndsWhenItIsStopped) {
  follow(/*with_log=*/true);
  server_.run_pod("default", "d");
  stop_.request_stop();
  EXPECT_EQ(end_.get().error().code, ErrorCode::cancelled);
}

TEST_F(FollowerTest, SaysThatItMayNotLook) {
  server_.deny("watch", "pods");
  end_ = std::async(std::launch::async, [this] {
    return submission::follow({}, client_, {.namespace_name = "default", .name = "d", .uid = uid_}, {}, *this);
  });
  EXPECT_EQ(end_.get().error().code, ErrorCode::permission);
}

}  // namespace
}  // namespace stoker::submission
