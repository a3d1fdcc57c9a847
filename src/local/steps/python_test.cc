#include "local/steps/python.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "local/steps/spark_lease.h"
#include "local/test_support.h"
#include "runtime/process/process_table.h"

namespace stoker::local {
namespace {

namespace fs = std::filesystem;
using pipeline::FailureClass;
using testing::HasSubstr;

class LocalPython : public LocalRunnerTest {
 protected:
  LocalPython() {
    options_.sdk = fs::path(STOKER_TEST_DATA).parent_path().parent_path() / "python";
    for (const char* name : {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX"})
      options_.environment.erase(name);
    write("steps.py", R"(
import os, signal, sys, threading, time
print("imported by", os.getpid())

def double(x: int) -> int:
    print("hello from the step")
    return 2 * x

def fail() -> None:
    raise ValueError("not this one")

def hard_exit() -> None:
    os._exit(0)

def die(number: int) -> None:
    os.kill(os.getpid(), number)

def die_parent() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1000)

def hang() -> None:
    time.sleep(1000)

def secret(value: str) -> int:
    return len(value)
)");
    write("unsafe.py",
          "import threading, time\nthreading.Thread(target=lambda: time.sleep(1000), daemon=True).start()\n"
          "def one() -> int:\n    return 1\n");
    write("broken.py", "def one() -> int:\n    return 1\n\nimport no_such_module\n");
  }

  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(runtime::write_file(run_->project_root / name, text));
  }

  engine::AttemptSpec python(const std::string& function, json::object inputs = {}, const std::string& name = "step",
                             const std::string& module = "steps") {
    pipeline::Step step;
    pipeline::PythonStep body;
    body.module = module;
    body.file = module + ".py";
    body.function = function;
    step.body = body;
    if (function == "double" || function == "one" || function == "secret") {
      step.outputs.push_back({.name = "output", .source = pipeline::OutputSource::python, .type = "int"});
    }
    auto spec = attempt(std::move(step), name);
    spec.inputs = std::move(inputs);
    return spec;
  }
};

TEST_F(LocalPython, ForksStepsFromOneImport) {
  for (int i = 0; i < 4; ++i) {
    auto result = run(python("double", {{"x", i}}, "step" + std::to_string(i)));
    ASSERT_TRUE(result.succeeded) << result.error.message << read(result.logs["stderr"]);
    EXPECT_EQ(result.outputs["output"].at("value"), 2 * i);
    EXPECT_THAT(read(result.logs["stdout"]), HasSubstr("hello from the step"));
    EXPECT_GE(result.cpu_milliseconds.value(), 0);
    EXPECT_GT(result.peak_rss_bytes.value(), 1'000'000);
  }
  const std::string log = read(run_->store / "runs" / run_->run.str() / "host.log");
  EXPECT_EQ(log.find("imported by"), log.rfind("imported by")) << log;
}

// A machine with room for one JVM, which nobody can reach: steps end as soon as they have it.
class OneJvm final : public SparkLeaser {
 public:
  Result<std::unique_ptr<SparkLease>> lease(const SparkLeaseRequest&, const runtime::StopToken&, Progress) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !leased_; });
    leased_ = true;
    ++leases_;
    return std::unique_ptr<SparkLease>(std::make_unique<Lease>(*this));
  }
  int leases() {
    std::scoped_lock lock(mutex_);
    return leases_;
  }

 private:
  class Lease final : public SparkLease {
   public:
    explicit Lease(OneJvm& jvm) : jvm_(jvm) {}
    ~Lease() override { give_back(); }
    runtime::Environment environment() const override {
      return {{"PYSPARK_GATEWAY_PORT", "1"}, {"PYSPARK_GATEWAY_SECRET", "none"}};
    }
    std::optional<SparkLeaseUse> release() override {
      give_back();
      return SparkLeaseUse{};
    }
    std::optional<SparkJvmEnd> jvm_end() const override { return std::nullopt; }

   private:
    void give_back() {
      if (given_back_) return;
      given_back_ = true;
      std::scoped_lock lock(jvm_.mutex_);
      jvm_.leased_ = false;
      jvm_.changed_.notify_one();
    }
    OneJvm& jvm_;
    bool given_back_ = false;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  bool leased_ = false;
  int leases_ = 0;
};

TEST_F(LocalPython, GivesAJvmBackWhileManyStepsWaitForOne) {
  constexpr int kSteps = 12;  // more than the threads that may wait
  auto jvm = std::make_shared<OneJvm>();
  options_.leaser = jvm;
  options_.environment["SPARK_HOME"] = (folder_.path() / "spark").string();
  ASSERT_TRUE(runtime::make_directories(folder_.path() / "spark" / "bin"));
  ASSERT_TRUE(runtime::write_file(folder_.path() / "spark/bin/spark-submit", "", 0700));
  std::vector<engine::AttemptId> started;
  for (int i = 0; i < kSteps; ++i) {
    auto spec = python("double", {{"x", i}}, "step" + std::to_string(i));
    auto step = std::make_shared<pipeline::Step>(*spec.step);
    std::get<pipeline::PythonStep>(step->body).session.emplace();
    spec.step = step;
    started.push_back(spec.id);
    runner().start(std::move(spec), events_);
  }
  for (const auto& id : started)
    EXPECT_FALSE(events_.wait(id).succeeded);
  EXPECT_EQ(jvm->leases(), kSteps);
}

TEST_F(LocalPython, GivesEachStepAFreshPythonWhenIsolatedOrUnsafe) {
  options_.isolated = true;
  auto isolated = run(python("double", {{"x", 4}}));
  ASSERT_TRUE(isolated.succeeded) << isolated.error.message << read(isolated.logs["stderr"]);
  EXPECT_EQ(isolated.outputs["output"].at("value"), 8);
  EXPECT_THAT(read(isolated.logs["stdout"]), HasSubstr("imported by"));
  runner_.reset();
  options_.isolated = false;
  for (const char* name : {"a", "b"}) {
    auto result = run(python("one", {}, name, "unsafe"));
    ASSERT_TRUE(result.succeeded) << result.error.message << read(result.logs["stderr"]);
  }
  int said = 0;
  for (const auto& line : events_.lines())
    said += line.find("fresh Python") != std::string::npos ? 1 : 0;
  EXPECT_EQ(said, 1);
}

TEST_F(LocalPython, TellsFailuresApart) {
  auto raised = run(python("fail", {}, "raised"));
  EXPECT_EQ(raised.error.failure_class, FailureClass::user_code);
  EXPECT_EQ(raised.error.type, "ValueError");
  EXPECT_THAT(raised.error.traceback, HasSubstr("steps.py"));
  auto exited = run(python("hard_exit", {}, "exited"));
  EXPECT_EQ(exited.error.failure_class, FailureClass::user_code);
  EXPECT_THAT(exited.error.message, HasSubstr("exit code 0"));
  auto crashed = run(python("die", {{"number", SIGSEGV}}, "crashed"));
  EXPECT_EQ(crashed.error.failure_class, FailureClass::user_code);
  EXPECT_EQ(crashed.error.signal, SIGSEGV);
  auto killed = run(python("die", {{"number", SIGKILL}}, "killed"));
  EXPECT_EQ(killed.error.failure_class, FailureClass::infrastructure);
  auto broken = run(python("one", {}, "broken", "broken"));
  EXPECT_EQ(broken.error.failure_class, FailureClass::user_code);
  EXPECT_THAT(broken.error.message, HasSubstr("no_such_module"));
  EXPECT_THAT(broken.error.traceback, HasSubstr("broken.py"));
  ASSERT_TRUE(run(python("double", {{"x", 1}}, "after")).succeeded);
}

TEST_F(LocalPython, ReplacesAHostThatDies) {
  auto died = run(python("die_parent", {}, "died"));
  EXPECT_EQ(died.error.failure_class, FailureClass::infrastructure);
  EXPECT_THAT(died.error.message, HasSubstr("forked from ended: signal 9"));
  EXPECT_TRUE(runtime::find_processes_by_environment("STOKER_ATTEMPT_ID", run_->run.str() + "/died/1").empty());
  ASSERT_TRUE(run(python("double", {{"x", 1}}, "after")).succeeded);
}

TEST_F(LocalPython, CancelsAForkedStep) {
  auto spec = python("hang");
  runner().start(spec, events_);
  events_.wait_started(spec.id);
  runner().cancel(spec.id, std::chrono::seconds(30));
  EXPECT_EQ(events_.wait(spec.id).error.failure_class, FailureClass::cancelled);
  auto other = python("hang", {}, "other");
  runner().start(other, events_);
  runner().cancel(other.id, std::chrono::milliseconds(0));
  EXPECT_EQ(events_.wait(other.id).error.failure_class, FailureClass::cancelled);
  runner().stop();
  EXPECT_TRUE(runtime::find_processes_by_environment("STOKER_ATTEMPT_ID", other.id.text()).empty());
}

TEST_F(LocalPython, GivesSecretInputsByEnvironment) {
  options_.secrets = [](const std::string&) -> Result<std::string> { return std::string("12345"); };
  auto result = run(python("secret", {{"value", {{"$secret", "data base"}}}}));
  ASSERT_TRUE(result.succeeded) << result.error.message << result.error.traceback;
  EXPECT_EQ(result.outputs["output"].at("value"), 5);
}

TEST_F(LocalPython, SaysWhenThereIsNoPython) {
  options_.python = "/no/such/python";
  auto result = run(python("double", {{"x", 1}}));
  EXPECT_EQ(result.error.failure_class, FailureClass::infrastructure);
  EXPECT_THAT(result.error.message, HasSubstr("--python names /no/such/python"));
}

TEST_F(LocalPython, CompilesBeforeItRuns) {
  write("flow.py",
        "from stoker import pipeline, step\n\n@step\ndef one() -> int:\n    return 1\n\n@pipeline\ndef flow() -> "
        "None:\n    one()\n");
  HostSpec spec{"python3", options_.environment, run_->project_root, options_.sdk, folder_.path() / "host.log"};
  auto host = PythonHost::start(spec, clock_);
  ASSERT_TRUE(host);
  auto compiled = (*host)->compile(run_->project_root / "flow.py", "", {}, {});
  ASSERT_TRUE(compiled) << compiled.error().describe() << read(spec.log);
  EXPECT_EQ(compiled->at("op"), "compiled") << codec::write_json(*compiled);
  auto failed = (*host)->compile(run_->project_root / "broken.py", "", {}, {});
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->at("op"), "failed");
  write("ends.py", "import os\nos._exit(3)\n");
  auto ended = (*host)->compile(run_->project_root / "ends.py", "", {}, {});
  EXPECT_THAT(ended.error().message, HasSubstr("exit code 3"));
}

class FindPython : public LocalRunnerTest {
 protected:
  // Without site: what the Python of whoever runs the tests has installed is not there.
  fs::path make_python(const fs::path& bin) {
    EXPECT_TRUE(runtime::make_directories(bin));
    EXPECT_TRUE(runtime::write_file(bin / "python3", "#!/bin/sh\nexec python3 -S \"$@\"\n", 0700));
    return bin / "python3";
  }
  InterpreterSearch search() {
    return {.environment = {{"PATH", "/usr/bin:/bin"}},
            .project_root = run_->project_root,
            .program = folder_.path() / "prog/stoker"};
  }
};

TEST_F(FindPython, GoesByTheOrderAndSaysWhy) {
  auto all = search();
  const auto beside = make_python(folder_.path() / "prog");
  EXPECT_EQ(find_interpreter(all)->path, beside);
  EXPECT_EQ(find_interpreter(all)->reason, "beside the program");
  const auto venv = make_python(run_->project_root / ".venv/bin");
  EXPECT_EQ(find_interpreter(all)->path, venv);
  const auto conda = make_python(folder_.path() / "conda/bin");
  all.environment["CONDA_PREFIX"] = (folder_.path() / "conda").string();
  EXPECT_EQ(find_interpreter(all)->path, conda);
  const auto active = make_python(folder_.path() / "active/bin");
  all.environment["VIRTUAL_ENV"] = (folder_.path() / "active").string();
  EXPECT_EQ(find_interpreter(all)->reason, "VIRTUAL_ENV is set");
  EXPECT_EQ(find_interpreter(all)->path, active);
  all.chosen = (folder_.path() / "conda").string();
  EXPECT_EQ(find_interpreter(all)->path, conda) << "a folder is an environment";
  all.chosen = "no-such-python";
  EXPECT_EQ(find_interpreter(all).error().code, ErrorCode::environment);
  auto none = search();
  none.environment["PATH"] = "/nowhere";
  none.project_root = "/nowhere";
  none.program = "";
  EXPECT_EQ(find_interpreter(none).error().code, ErrorCode::environment);
}

TEST_F(FindPython, AsksOnceAndAgainAfterAChange) {
  const auto python = make_python(folder_.path() / "bin");
  const auto cache = folder_.path() / "cache";
  const auto site = folder_.path() / "site";
  ASSERT_TRUE(runtime::make_directories(site));
  runtime::Environment environment = runtime::current_environment();
  environment["PYTHONPATH"] = site.string();
  auto first = inspect_interpreter(python, environment, cache, {}, clock_);
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_FALSE(first->has_pyspark());
  EXPECT_THAT(first->version, testing::StartsWith("3."));
  // An interpreter that cannot answer any more is not asked.
  EXPECT_EQ(std::distance(fs::directory_iterator(cache), {}), 1);
  ASSERT_TRUE(runtime::make_directories(site / "pyspark"));
  ASSERT_TRUE(runtime::write_file(site / "pyspark/__init__.py", ""));
  ASSERT_TRUE(runtime::write_file(site / "pyspark/version.py", "__version__ = '9.8.7'\n"));
  auto second = inspect_interpreter(python, environment, cache, {}, clock_);
  EXPECT_EQ(second->pyspark_version, "9.8.7");
  EXPECT_EQ(second->pyspark_home, site / "pyspark");
  EXPECT_EQ(find_spark_home({}, *second).value(), site / "pyspark");
  EXPECT_THAT(find_spark_home({}, *first).error().hint, HasSubstr("pip install pyspark"));
  ASSERT_TRUE(runtime::write_file(python, "#!/bin/sh\nexit 1\n", 0700));
  EXPECT_THAT(inspect_interpreter(python, environment, cache, {}, clock_).error().message, HasSubstr("does not work"));
}

}  // namespace
}  // namespace stoker::local
