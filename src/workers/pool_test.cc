#include "workers/pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>

namespace stoker::workers {
namespace {

using namespace std::chrono_literals;

// What the test makes a JVM do, shared with the JVM's thread.
struct Script {
  std::atomic<int> started{0}, opened{0}, closed{0}, restored{0}, ended{0};
  std::atomic<bool> start_fails{false}, open_fails{false}, restore_fails{false}, close_doubts{false};
};

class FakeJvm final : public Jvm {
 public:
  explicit FakeJvm(Script& script) : script_(script), exit_(runtime::make_pipe().value()) {}
  ~FakeJvm() override = default;

  Result<void> start() override {
    ++script_.started;
    if (script_.start_fails) return Error{.code = ErrorCode::environment, .message = "no JVM today"};
    return {};
  }
  Result<py4j::GatewayAddress> open_lease(const LeaseSettings& settings, const std::filesystem::path&) override {
    ++script_.opened;
    if (script_.open_fails.exchange(false)) return Error{.code = ErrorCode::conflict, .message = "worn"};
    return py4j::GatewayAddress{4711, settings.app_name};
  }
  Result<std::vector<StageProgress>> progress() override {
    return std::vector<StageProgress>{{.id = ++polls_, .name = "count", .done = 1, .total = 2}};
  }
  Closed close_lease() override {
    ++script_.closed;
    Closed closed{.account = {.cpu = 1500ms, .jobs = 3}};
    if (script_.close_doubts) closed.doubt = Error{.code = ErrorCode::conflict, .message = "would not stop"};
    return closed;
  }
  Result<void> restore() override {
    ++script_.restored;
    if (script_.restore_fails) return Error{.code = ErrorCode::conflict, .message = "dirty"};
    return {};
  }
  JvmExited end() override {
    ++script_.ended;
    return {.status = "exit code 52", .reason = "the JVM ended by itself", .out_of_memory = true};
  }
  void interrupt() override {}
  int exit_fd() const override { return exit_.read_end.get(); }
  pid_t pid() const override { return 1234; }
  void die() { exit_.write_end.reset(); }

 private:
  Script& script_;
  runtime::Pipe exit_;
  std::int64_t polls_ = 0;
};

class PoolTest : public testing::Test {
 protected:
  PoolTest() {
    settings_.limits = {.jvms = 2, .memory_bytes = 0, .leases_per_jvm = 3, .idle = 600s};
    world_.inspect = [](const LeaseRequest&) -> Result<JvmLaunch> {
      return JvmLaunch{.java = {.version = "17.0.1"}, .spark = {.version = "4.0.1"}, .memory_bytes = 1};
    };
    world_.make_jvm = [this](const LeaseRequest&) -> Result<std::unique_ptr<Jvm>> {
      auto jvm = std::make_unique<FakeJvm>(script_);
      jvms_.push_back(jvm.get());
      return std::unique_ptr<Jvm>(std::move(jvm));
    };
    world_.log = [](const std::string&) {};
  }

  void make_pool() {
    pool_ = std::make_unique<Pool>(loop_, settings_, world_, [this] { empty_ = true; });
  }

  struct Client {
    std::unique_ptr<runtime::Channel> channel;
    std::deque<json::value> messages;
  };

  Client connect() {
    auto [ours, theirs] = runtime::make_socket_pair().value();
    EXPECT_TRUE(runtime::set_nonblocking(theirs.get(), true).ok());
    pool_->accept(std::move(theirs));
    return {std::make_unique<runtime::Channel>(std::move(ours), kMaximumPoolMessage), {}};
  }

  Client ask(const std::string& name, const std::string& project = "/p", bool progress = false) {
    Client client = connect();
    LeaseRequest request;
    request.project = project;
    request.java = "/java";
    request.spark_home = "/spark";
    request.working_directory = project;
    request.app_name = name;
    request.progress = progress;
    EXPECT_TRUE(client.channel->send_now(to_json(request)).ok());
    return client;
  }

  static void release(Client& client) { EXPECT_TRUE(client.channel->send_now(json::object{{"op", "release"}}).ok()); }

  // Runs the loop until `done`, or for so long that something is wrong.
  bool until(const std::function<bool()>& done) {
    for (int i = 0; i < 2000; ++i) {
      if (done()) return true;
      loop_.run_once(5ms);
    }
    return false;
  }

  // The next message with this operation, skipping others.
  json::object next(Client& client, std::string_view op) {
    std::optional<json::object> found;
    auto look = [&] {
      (void)client.channel->read_available();
      while (true) {
        auto message = client.channel->next();
        if (!message.ok() || !message->has_value()) return false;
        if ((**message).as_object().at("op").as_string() == op) {
          found = (**message).as_object();
          return true;
        }
      }
    };
    EXPECT_TRUE(until(look)) << "no message " << op;
    return found.value_or(json::object());
  }

  std::string only_state() { return pool_->list().size() == 1 ? pool_->list()[0].state : "not one"; }

  ManualClock clock_;
  runtime::EventLoop loop_{clock_};
  PoolSettings settings_;
  PoolWorld world_;
  Script script_;
  std::vector<FakeJvm*> jvms_;
  bool empty_ = false;
  std::unique_ptr<Pool> pool_;
};

TEST_F(PoolTest, LeasesInARowShareOneJvm) {
  make_pool();
  for (int i = 0; i < 3; ++i) {
    Client client = ask("step");
    auto leased = next(client, "leased");
    EXPECT_EQ(leased.at("gateway_port").as_int64(), 4711);
    EXPECT_EQ(leased.at("warm").as_bool(), i > 0);
    release(client);
    auto released = next(client, "released");
    EXPECT_EQ(released.at("cpu_ms").as_int64(), 1500);
    EXPECT_EQ(released.at("jobs").as_int64(), 3);
  }
  // The third was its last.
  EXPECT_TRUE(until([&] { return script_.ended == 1 && pool_->jvm_count() == 0; }));
  EXPECT_EQ(script_.started, 1);
  EXPECT_EQ(script_.closed, 3);
  EXPECT_EQ(script_.restored, 3);
}

TEST_F(PoolTest, AClosedConnectionEndsTheLease) {
  make_pool();
  {
    Client client = ask("step");
    next(client, "leased");
  }
  EXPECT_TRUE(until([&] { return script_.restored == 1 && only_state() == "idle"; }));
}

TEST_F(PoolTest, AClientThatLeavesWhileItsJvmStartsLeavesAWarmOne) {
  make_pool();
  {
    Client client = ask("step");
    loop_.run_once(5ms);
  }
  EXPECT_TRUE(until([&] { return only_state() == "idle"; }));
  EXPECT_EQ(script_.closed, script_.opened);
}

TEST_F(PoolTest, ParallelLeasesTakeAJvmEachAndTheThirdWaits) {
  make_pool();
  Client a = ask("a"), b = ask("b"), c = ask("c");
  next(a, "leased");
  next(b, "leased");
  EXPECT_EQ(script_.started, 2);
  next(c, "queued");
  release(b);
  EXPECT_TRUE(next(c, "leased").at("warm").as_bool());
  EXPECT_EQ(script_.started, 2);
}

TEST_F(PoolTest, AnotherProjectGetsAnotherJvmAndTheIdleOneMakesRoom) {
  settings_.limits.jvms = 1;
  make_pool();
  Client a = ask("a", "/one");
  next(a, "leased");
  Client b = ask("b", "/two");
  next(b, "queued");
  release(a);
  EXPECT_FALSE(next(b, "leased").at("warm").as_bool());
  EXPECT_EQ(script_.started, 2);
  EXPECT_EQ(script_.ended, 1);
}

TEST_F(PoolTest, DoubtEndsTheJvm) {
  script_.restore_fails = true;
  make_pool();
  Client a = ask("a");
  next(a, "leased");
  release(a);
  next(a, "released");
  EXPECT_TRUE(until([&] { return pool_->jvm_count() == 0; }));
  script_.restore_fails = false;
  script_.close_doubts = true;
  Client b = ask("b");
  EXPECT_FALSE(next(b, "leased").at("warm").as_bool());
  release(b);
  next(b, "released");
  EXPECT_TRUE(until([&] { return pool_->jvm_count() == 0; }));
  EXPECT_EQ(script_.restored, 1);  // not after a close in doubt
}

TEST_F(PoolTest, AWornJvmDoesNotFailAStep) {
  make_pool();
  Client a = ask("a");
  next(a, "leased");
  release(a);
  next(a, "released");
  EXPECT_TRUE(until([&] { return only_state() == "idle"; }));
  script_.open_fails = true;
  Client b = ask("b");
  EXPECT_FALSE(next(b, "leased").at("warm").as_bool());
  EXPECT_EQ(script_.started, 2);
}

TEST_F(PoolTest, AFailedStartIsRefusedWithTheReason) {
  script_.start_fails = true;
  make_pool();
  Client a = ask("a");
  EXPECT_EQ(next(a, "refused").at("message").as_string(), "no JVM today");
  EXPECT_TRUE(until([&] { return pool_->jvm_count() == 0; }));
}

TEST_F(PoolTest, AJvmThatDiesUnderALeaseIsReported) {
  make_pool();
  Client a = ask("a");
  next(a, "leased");
  jvms_[0]->die();
  auto exited = next(a, "jvm-exited");
  EXPECT_EQ(exited.at("status").as_string(), "exit code 52");
  EXPECT_TRUE(exited.at("out_of_memory").as_bool());
  EXPECT_TRUE(until([&] { return pool_->jvm_count() == 0; }));
}

TEST_F(PoolTest, AnIdleJvmThatDiesIsForgotten) {
  make_pool();
  {
    Client a = ask("a");
    next(a, "leased");
  }
  EXPECT_TRUE(until([&] { return only_state() == "idle"; }));
  jvms_[0]->die();
  EXPECT_TRUE(until([&] { return pool_->jvm_count() == 0; }));
}

TEST_F(PoolTest, IdleJvmsEndAndThenThePool) {
  make_pool();
  {
    Client a = ask("a");
    next(a, "leased");
  }
  EXPECT_TRUE(until([&] { return only_state() == "idle"; }));
  clock_.advance(599s);
  loop_.wake();
  loop_.run_once(5ms);
  EXPECT_EQ(only_state(), "idle");
  clock_.advance(1s);
  EXPECT_TRUE(until([&] { return pool_->jvm_count() == 0; }));
  EXPECT_FALSE(empty_);
  clock_.advance(30s);
  EXPECT_TRUE(until([&] { return empty_; }));
}

TEST_F(PoolTest, ProgressIsPolledOnlyForThoseWhoAskAndAtItsRate) {
  make_pool();
  Client a = ask("a", "/p", true);
  next(a, "leased");
  clock_.advance(settings_.progress_interval);
  auto progress = next(a, "progress");
  EXPECT_EQ(progress.at("stages").as_array()[0].as_object().at("id").as_int64(), 1);
  clock_.advance(settings_.progress_interval);
  EXPECT_EQ(next(a, "progress").at("stages").as_array()[0].as_object().at("id").as_int64(), 2);
}

TEST_F(PoolTest, StopEndsIdleJvmsNowAndOthersAfterTheirLease) {
  make_pool();
  Client a = ask("a");
  next(a, "leased");
  Client control = connect();
  EXPECT_TRUE(control.channel->send_now(json::object{{"op", "stop"}, {"all", true}}).ok());
  EXPECT_EQ(next(control, "stopped").at("busy").as_int64(), 1);
  EXPECT_EQ(only_state(), "leased");
  release(a);
  next(a, "released");
  EXPECT_TRUE(until([&] { return pool_->jvm_count() == 0; }));
}

TEST_F(PoolTest, AForcedStopTakesLeasesAway) {
  make_pool();
  Client a = ask("a");
  next(a, "leased");
  Client control = connect();
  EXPECT_TRUE(control.channel->send_now(json::object{{"op", "stop"}, {"force", true}}).ok());
  next(control, "stopped");
  EXPECT_EQ(next(a, "jvm-exited").at("reason").as_string(), "stopped by request");
}

TEST_F(PoolTest, ListsItsJvms) {
  make_pool();
  Client a = ask("train");
  next(a, "leased");
  Client control = connect();
  EXPECT_TRUE(control.channel->send_now(json::object{{"op", "list"}}).ok());
  auto workers = next(control, "workers").at("workers").as_array();
  ASSERT_EQ(workers.size(), 1u);
  EXPECT_EQ(workers[0].as_object().at("app_name").as_string(), "train");
  EXPECT_EQ(workers[0].as_object().at("state").as_string(), "leased");
}

TEST_F(PoolTest, RubbishIsRefusedAndClosed) {
  make_pool();
  Client a = connect();
  EXPECT_TRUE(a.channel->send_now(json::object{{"op", "dance"}}).ok());
  next(a, "refused");
  Client b = connect();
  EXPECT_TRUE(b.channel->send_now(json::value(json::array{1, 2})).ok());
  next(b, "refused");
  Client c = connect();
  EXPECT_TRUE(c.channel->send_now(json::object{{"op", "lease"}, {"version", 99}}).ok());
  EXPECT_EQ(next(c, "refused").at("code").as_string(), "conflict");
}

TEST_F(PoolTest, AnArchiveIsMadeOnceAndOnlyWhenNobodyWorks) {
  std::atomic<int> made{0};
  world_.inspect = [](const LeaseRequest&) -> Result<JvmLaunch> {
    return JvmLaunch{.archive = "/cache/a.jsa", .archive_exists = false, .memory_bytes = 1};
  };
  world_.make_archive = [&](const LeaseRequest&, const runtime::StopToken&) -> Result<void> {
    ++made;
    return {};
  };
  make_pool();
  for (int i = 0; i < 2; ++i) {
    Client a = ask("a");
    next(a, "leased");
    release(a);
    next(a, "released");
    EXPECT_TRUE(until([&] { return only_state() == "idle" && made == 1; }));
  }
  EXPECT_EQ(made, 1);
}

}  // namespace
}  // namespace stoker::workers
