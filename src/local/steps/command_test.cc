#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include "local/test_support.h"
#include "runtime/process/process_table.h"

namespace stoker::local {
namespace {

using pipeline::FailureClass;
using pipeline::OutputDeclaration;
using pipeline::OutputSource;
using testing::HasSubstr;

class LocalCommand : public LocalRunnerTest {};

OutputDeclaration from_result(std::string name, std::string type) {
  return {.name = std::move(name), .source = OutputSource::result, .type = std::move(type)};
}
OutputDeclaration from_log(std::string name, std::string type, std::string pattern) {
  return {.name = std::move(name), .source = OutputSource::log, .type = std::move(type), .pattern = std::move(pattern)};
}
OutputDeclaration from_file(std::string name, std::string type, std::string path) {
  return {.name = std::move(name), .source = OutputSource::file, .type = std::move(type), .path = std::move(path)};
}

TEST_F(LocalCommand, RunsWithItsEnvironmentAndLogs) {
  auto spec =
      shell("echo \"$GREETING $STOKER_RUN $STOKER_STEP $STOKER_ATTEMPT $STOKER_ATTEMPT_ID\"; echo problem >&2; pwd");
  spec.environment["GREETING"] = "hello";
  auto result = run(spec);
  ASSERT_TRUE(result.succeeded) << result.error.message;
  EXPECT_EQ(read(result.logs["stdout"]), "hello " + run_->run.str() + " step 1 " + run_->run.str() + "/step/1\n" +
                                             (spec.attempt_folder / "scratch").string() + "\n");
  EXPECT_EQ(read(result.logs["stderr"]), "problem\n");
  EXPECT_GE(result.cpu_milliseconds.value(), 0);
  EXPECT_GT(result.peak_rss_bytes.value(), 0);
  auto invocation = codec::parse_json(read(spec.attempt_folder / "invocation.json"));
  EXPECT_EQ(invocation->at("step"), "step");
  EXPECT_FALSE(std::filesystem::exists(spec.attempt_folder / "scratch"));
}

TEST_F(LocalCommand, RunsInTheProjectWithInput) {
  ASSERT_TRUE(runtime::write_file(run_->project_root / "count.sh", "#!/bin/sh\nwc -c\n", 0700));
  pipeline::Step step;
  pipeline::CommandStep command;
  command.run = {"./count.sh"};
  command.working_directory = ".";
  command.standard_input = "12345";
  step.body = command;
  auto result = run(attempt(step));
  ASSERT_TRUE(result.succeeded) << result.error.message;
  EXPECT_THAT(read(result.logs["stdout"]), HasSubstr("5"));
}

TEST_F(LocalCommand, CollectsTypedOutputs) {
  auto spec = shell(
      "echo 'Pi is roughly 1.0'; echo 'Pi is roughly 3.14'; echo \"count=42\" >> \"$STOKER_RESULT\"; echo 'list=[1, "
      "\"a\"]' >> \"$STOKER_RESULT\";"
      "echo 'yes=true' >> $STOKER_RESULT; echo 'text= a=b ' >> \"$STOKER_RESULT\"; mkdir sub; echo one > sub/a.txt; "
      "echo two > b.csv; echo 7 > n",
      {from_log("pi", "number", "Pi is roughly ([0-9.]+)"), from_result("count", "integer"),
       from_result("list", "list"), from_result("yes", "boolean"), from_result("text", "string"),
       from_file("folder", "directory", "sub"), from_file("file", "file", "b.csv"), from_file("n", "integer", "n")});
  auto result = run(spec);
  ASSERT_TRUE(result.succeeded) << result.error.message;
  EXPECT_EQ(result.outputs["pi"].at("value"), 3.14);
  EXPECT_EQ(result.outputs["count"].at("value"), 42);
  EXPECT_EQ(result.outputs["list"].at("value"), json::value({1, "a"}));
  EXPECT_EQ(result.outputs["yes"].at("value"), true);
  EXPECT_EQ(result.outputs["text"].at("value"), " a=b ");
  EXPECT_EQ(result.outputs["n"].at("value"), 7);
  std::filesystem::path file(std::string(result.outputs["file"].at("value").at("$file").at("path").as_string()));
  EXPECT_EQ(file.filename(), "b.csv");
  EXPECT_EQ(read(file), "two\n");
  std::filesystem::path uri(std::string(result.outputs["folder"].at("artifact").at("uri").as_string()));
  EXPECT_EQ(uri, spec.artifacts_folder / "folder");
  auto manifest = codec::parse_json(read(uri / "manifest.json"));
  EXPECT_EQ(manifest->at("files").at(0).at("path"), "data/sub/a.txt");
  EXPECT_EQ(manifest->at("type"), "directory");
  EXPECT_EQ(manifest->at("createdBy").at("output"), "folder");
}

TEST_F(LocalCommand, NamesTheOutputThatIsMissingOrWrong) {
  struct Case {
    std::string script;
    OutputDeclaration output;
    std::string words;
  };
  const std::vector<Case> cases{
      {"true", from_result("x", "integer"), "the output \"x\" is missing"},
      {"echo x=abc >> $STOKER_RESULT", from_result("x", "integer"), "the output \"x\": \"abc\" is no integer"},
      {"echo nonsense >> $STOKER_RESULT", from_result("x", "integer"), "line 1 of $STOKER_RESULT"},
      {"echo hello", from_log("x", "number", "value (.*)"), "no line of the log matches"},
      {"true", from_file("x", "file", "none.csv"), "wrote no"},
      {"mkdir x", from_file("x", "file", "x"), "should be a file"},
      {"head -c 70000 /dev/zero > x", from_file("x", "string", "x"), "over 65536 bytes"},
  };
  int number = 0;
  for (const auto& one : cases) {
    auto result = run(shell(one.script, {one.output}, "step" + std::to_string(number++)));
    EXPECT_FALSE(result.succeeded);
    EXPECT_EQ(result.error.failure_class, FailureClass::user_code);
    EXPECT_THAT(result.error.message, HasSubstr(one.words)) << one.script;
  }
}

TEST_F(LocalCommand, ClassifiesEnds) {
  struct Case {
    std::string script;
    FailureClass failure_class;
    std::string words;
  };
  const std::vector<Case> cases{
      {"echo one >&2; echo two >&2; exit 3", FailureClass::user_code, "exit code 3"},
      {"kill -SEGV $$", FailureClass::user_code, "signal 11"},
      {"kill -9 $$", FailureClass::infrastructure, "signal 9"},
      {"echo 'MemoryError' >&2; exit 1", FailureClass::out_of_memory, "ran out of memory"},
  };
  int number = 0;
  for (const auto& one : cases) {
    auto result = run(shell(one.script, {}, "step" + std::to_string(number++)));
    EXPECT_EQ(result.error.failure_class, one.failure_class) << one.script;
    EXPECT_THAT(result.error.message, HasSubstr(one.words));
  }
  EXPECT_EQ(events_.wait({run_->run, StepPath("step0"), 1}).error.traceback, "one\ntwo");
}

TEST_F(LocalCommand, AMissingProgramIsTheUsersFault) {
  pipeline::Step step;
  step.body = pipeline::CommandStep{.run = {"no-such-program"}};
  auto result = run(attempt(step));
  EXPECT_EQ(result.error.failure_class, FailureClass::user_code);
  EXPECT_THAT(result.error.message, HasSubstr("no-such-program"));
}

TEST_F(LocalCommand, GivesSecretsByEnvironmentOnly) {
  options_.secrets = [](const std::string& name) -> Result<std::string> {
    if (name == "database" || name == "env:TOKEN") return std::string("s3cret");
    return Error{.code = ErrorCode::environment, .message = "the secret is not set"};
  };
  auto spec = shell("echo \"$DB_PASSWORD $STOKER_SECRET_DATABASE\"");
  spec.secrets["DB_PASSWORD"] = "database";
  spec.secrets["OTHER"] = "env:TOKEN";
  auto result = run(spec);
  EXPECT_EQ(read(result.logs["stdout"]), "s3cret s3cret\n");
  for (const auto& file : {"invocation.json", "process.json", "script"}) {
    EXPECT_EQ(read(spec.attempt_folder / file).find("s3cret"), std::string::npos);
  }
  // The worker is told which variables it must not observe.
  const auto invocation = codec::parse_json(read(spec.attempt_folder / "invocation.json"));
  EXPECT_EQ(invocation->at("environment"), (json::array{"DB_PASSWORD", "OTHER", "TOKEN"}));
  auto other = shell("true", {}, "other");
  other.secrets["X"] = "missing";
  EXPECT_THAT(run(other).error.message, HasSubstr("not set"));
}

TEST_F(LocalCommand, CancelIsPoliteThenForceful) {
  auto polite =
      shell("trap 'echo bye; exit 0' TERM; echo ready > \"$STOKER_SCRATCH/../ready\"; while :; do sleep 0.01; done", {},
            "polite");
  auto stubborn =
      shell("trap '' TERM; echo ready > \"$STOKER_SCRATCH/../ready\"; while :; do sleep 0.01; done", {}, "stubborn");
  engine::AttemptId polite_id = polite.id;
  engine::AttemptId stubborn_id = stubborn.id;
  const std::vector ready = {polite.attempt_folder / "ready", stubborn.attempt_folder / "ready"};
  runner().start(polite, events_);
  runner().start(stubborn, events_);
  events_.wait_started(polite_id);
  events_.wait_started(stubborn_id);
  // The trap stands when the file is there.
  for (std::size_t i = 0; i < ready.size(); ++i) {
    pipeline::Step wait;
    wait.body = pipeline::WaitStep{.file = ready[i].string()};
    ASSERT_TRUE(run(attempt(wait, "wait" + std::to_string(i))).succeeded);
  }
  runner().cancel(polite_id, std::chrono::hours(1));
  auto result = events_.wait(polite_id);
  EXPECT_EQ(result.error.failure_class, FailureClass::cancelled);
  EXPECT_EQ(read(result.logs["stdout"]), "bye\n");
  runner().cancel(stubborn_id, std::chrono::hours(1));
  EXPECT_FALSE(events_.is_finished(stubborn_id));
  runner().cancel(stubborn_id, std::chrono::milliseconds(0));
  EXPECT_EQ(events_.wait(stubborn_id).error.signal, SIGKILL);
}

TEST_F(LocalCommand, EndsChildrenThatAStepLeaves) {
  auto result = run(shell("sleep 1000 & setsid sleep 1000 & (trap '' HUP; exec env -i sleep 1000) & echo done"));
  ASSERT_TRUE(result.succeeded) << result.error.message;
  EXPECT_TRUE(runtime::find_processes_by_environment("STOKER_ATTEMPT_ID", run_->run.str() + "/step/1").empty());
  auto process = codec::parse_json(read(run_->store / "runs" / run_->run.str() / "attempts/step/1/process.json"));
  runtime::ProcessIdentity leader{static_cast<pid_t>(process->at("pid").as_int64()),
                                  std::string(process->at("started").as_string())};
  EXPECT_TRUE(runtime::find_session(leader).empty());
}

TEST_F(LocalCommand, StopEndsEverything) {
  std::vector<engine::AttemptId> ids;
  for (int i = 0; i < 5; ++i) {
    auto spec = shell("sleep 1000", {}, "step" + std::to_string(i));
    ids.push_back(spec.id);
    runner().start(spec, events_);
  }
  runner().stop();
  for (const auto& id : ids)
    EXPECT_TRUE(events_.is_finished(id));
}

TEST_F(LocalCommand, SurvivesClosedStreamsAndBinaryOutput) {
  EXPECT_TRUE(run(shell("exec 0<&- 1>&- 2>&-; true", {}, "closed")).succeeded);
  auto result = run(shell("head -c 100000 /dev/urandom; head -c 1000 /dev/urandom >&2; printf '\\nPi is 3\\n'; exit 1",
                          {}, "binary"));
  EXPECT_EQ(result.error.failure_class, FailureClass::user_code);
  EXPECT_TRUE(codec::parse_json(codec::write_json(json::value(result.error.traceback)))) << "fit for JSON";
}

TEST_F(LocalCommand, FindsAnOutputInALargeLog) {
  auto result = run(shell(
      "head -c 30000000 /dev/zero; echo; yes 'a line of the log' | head -n 500000; echo 'value=1'; echo 'value=2 end'",
      {from_log("value", "integer", "value=(\\d+)")}));
  ASSERT_TRUE(result.succeeded) << result.error.message;
  EXPECT_EQ(result.outputs["value"].at("value"), 2);
}

TEST_F(LocalCommand, ForwardsMessagesAndToleratesRubbish) {
  const std::string python = R"(
import json, os, struct
fd = int(os.environ["STOKER_PROTOCOL"])
def send(data): os.write(fd, struct.pack(">I", len(data)) + data)
def message(**keys): send(json.dumps(keys).encode())
message(type="hello", versions=[1], worker="test", pid=os.getpid())
message(type="started")
message(type="progress", done=1, total=2, label="half")
message(type="metric", name="auc", value=0.5)
message(type="metric", name="loss", value="NaN")
message(type="unknown")
for i in range(500): message(type="progress", done=i)
)";
  auto script = [&](const std::string& name, const std::string& more) {
    pipeline::Step step;
    step.body = pipeline::CommandStep{.script = python + more, .interpreter = {"python3"}};
    return attempt(step, name);
  };
  auto good = script("good", "");
  ASSERT_TRUE(run(good).succeeded);
  auto progress = events_.progress_of(good.id);
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress[0].label, "half");
  EXPECT_LT(progress.size(), 100u) << "a flood is thinned";
  EXPECT_EQ(events_.metrics_of(good.id)["auc"], 0.5);
  EXPECT_TRUE(events_.lines().empty());
  ASSERT_TRUE(run(script("rubbish", "os.write(fd, b'\\xff' * 1000)\n")).succeeded);
  ASSERT_TRUE(run(script("json", "send(b'not json')\n")).succeeded);
  ASSERT_TRUE(run(script("array", "send(b'[1]')\n")).succeeded);
  EXPECT_EQ(events_.lines().size(), 3u);
  auto failed = run(script("failed", "os.write(fd, b'\\xff' * 1000)\nos._exit(1)\n"));
  EXPECT_THAT(failed.error.hint, HasSubstr("STOKER_PROTOCOL"));
}

TEST_F(LocalCommand, RefusesResources) {
  pipeline::Step step;
  step.body = pipeline::ResourceStep{};
  EXPECT_EQ(runner().supports(step).error().code, ErrorCode::unsupported);
  step.body = pipeline::CommandStep{};
  EXPECT_TRUE(runner().supports(step).ok());
}

TEST_F(LocalCommand, AFullOrReadOnlyStoreIsAnInfrastructureFailure) {
  auto spec = shell("true");
  spec.attempt_folder = "/proc/no-such/attempt";
  auto result = run(spec);
  EXPECT_EQ(result.error.failure_class, FailureClass::infrastructure);
  EXPECT_THAT(result.error.message, HasSubstr("/proc"));
}

TEST_F(LocalCommand, RecoveryEndsWhatADeadEngineLeft) {
  // A process as an engine that was killed would leave it: in a session of its own, with the id in its environment, one
  // child without.
  runtime::ProcessSpec process;
  process.argv = {"sh", "-c", "env -i sleep 1000 & echo ready; exec sleep 1000"};
  process.environment = runtime::current_environment();
  auto lost = shell("true", {}, "lost");
  process.environment->insert_or_assign("STOKER_ATTEMPT_ID", lost.id.text());
  auto pipe = runtime::make_pipe().value();
  process.output = runtime::Stream::to(pipe.write_end.get());
  auto orphan = runtime::Process::start(process).value();
  pipe.write_end.reset();
  char buffer[16];
  ASSERT_EQ(::read(pipe.read_end.get(), buffer, sizeof buffer), 6);
  ASSERT_TRUE(runtime::make_directories(lost.attempt_folder));
  auto identity = runtime::identify_process(orphan.pid()).value();
  ASSERT_TRUE(runtime::write_file(lost.attempt_folder / "process.json",
                                  codec::write_json({{"pid", identity.pid}, {"started", identity.started}})));
  const std::vector<engine::LostAttempt> attempts{{lost.id, lost.attempt_folder},
                                                  {{run_->run, StepPath("never"), 1}, "/nowhere"}};
  ASSERT_TRUE(runner().end_lost(attempts));
  EXPECT_EQ(orphan.wait({}, clock_)->signal, SIGKILL);
  EXPECT_EQ(::read(pipe.read_end.get(), buffer, sizeof buffer), 0) << "the child without the variable is gone as well";
  ASSERT_TRUE(runner().end_lost(attempts));
}

}  // namespace
}  // namespace stoker::local
