#include "cli/submit/submit_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "base/strings.h"
#include "cli/log_printer.h"
#include "cli/output.h"
#include "cli/random.h"
#include "cli/signals.h"
#include "cli/submit/declared_result.h"
#include "net/curl_client.h"
#include "resources/object.h"
#include "runtime/stop.h"
#include "runtime/wait.h"
#include "submission/cluster_access.h"
#include "submission/driver_rights.h"
#include "submission/follower.h"
#include "submission/leftovers.h"
#include "submission/placement.h"
#include "submission/uploads/upload.h"

namespace stoker::cli {

namespace {

// As `timeout` has it, and shells.
constexpr int kExitTimedOut = 124;
constexpr int kExitCancelled = 130;
constexpr int kExitNoResult = 1;

constexpr std::chrono::milliseconds kTimeToClean{5'000};
constexpr std::chrono::milliseconds kTimeToAsk{5'000};
constexpr std::chrono::milliseconds kTimeToRemove{15'000};

// Tells a person on standard error what happens; the driver's log goes to standard output, unless a result has that for
// itself.
class Reporter final : public submission::FollowListener {
 public:
  Reporter(std::string name, std::optional<DeclaredResult> result, bool with_log)
      : name_(std::move(name)), result_(std::move(result)) {
    // A log that nobody reads is no reason to leave the driver.
    if (with_log)
      printer_.emplace(result_ ? STDERR_FILENO : STDOUT_FILENO, [](const Error& error) {
        warn(fmt::format("{}; waiting for the end of the driver", error.describe()));
      });
  }

  void on_state(const spark::DriverState& state) override {
    if (state.phase == spark::DriverPhase::running)
      say(fmt::format("driver {} runs{}", name_, state.node.empty() ? "" : fmt::format(" on {}", state.node)));
  }
  void on_problem(const submission::StartProblem& problem) override {
    say(fmt::format("driver {} waits: {}{}", name_, problem.text,
                    problem.hint.empty() ? "" : fmt::format("\n  {}", problem.hint)));
  }
  void on_trouble(const Error& error) override { warn(error.describe()); }
  void on_log(std::string_view line, const runtime::StopToken& stop) override {
    if (result_) result_->see(line);
    if (printer_) printer_->print(line, stop);
  }
  // A failure was said already.
  void finish_log(const runtime::StopToken& stop) {
    if (printer_) static_cast<void>(printer_->finish(stop));
  }
  void name(std::string name) { name_ = std::move(name); }

  const std::optional<DeclaredResult>& result() const { return result_; }

 private:
  std::string name_;
  std::optional<DeclaredResult> result_;
  std::optional<LogPrinter> printer_;
};

class SubmitRun {
 public:
  SubmitRun(const Program& program, const SubmitCommand& command, const PlannedSubmission& submission,
            kube::ClusterConfiguration configuration, std::optional<DeclaredResult> result)
      : program_(program),
        command_(command),
        submission_(submission),
        name_(fmt::format("{}/{}", submission.plan.namespace_name, submission.plan.driver_name)),
        cluster_(program, std::move(configuration)),
        reporter_(name_, std::move(result), command.follow) {}

  Result<int> run() {
    runtime::Context context{.deadline = {}, .stop = stop_.get_token()};
    if (command_.timeout) context = context.with_timeout(program_.clock, *command_.timeout);
    if (auto ready = cluster_.log_in(context); !ready) return not_placed(context, ready.error());
    if (auto uploaded = upload(context); !uploaded) return not_placed(context, uploaded.error());
    // Somebody who detaches wants the driver to be there.
    runtime::Context placing = context;
    if (command_.detach) placing.stop = {};
    auto placement = submission::place(placing, cluster_.client(), submission_.plan,
                                       {.submission_id = submission_.submission_id,
                                        .may_be_there = command_.submission_id.has_value(),
                                        .attempt = fmt::format("{:016x}", random_bits())});
    if (!placement) return not_placed(context, placement.error());
    if (!placement.value().warning.empty()) warn(placement.value().warning);
    driver_ = {.namespace_name = submission_.plan.namespace_name,
               .name = std::string(resources::name_of(placement.value().driver)),
               .uid = resources::metadata_text(placement.value().driver, "uid")};
    was_there_ = placement.value().was_there;
    name_ = fmt::format("{}/{}", driver_.namespace_name, driver_.name);
    reporter_.name(name_);
    say(fmt::format("driver {} {}", name_, was_there_ ? "is there already" : "created"));
    remove_leftovers(context);
    if (!waits()) {
      print(fmt::format("{}:{}\n", driver_.namespace_name, driver_.name));  // as --status and --kill take it
      return printed();
    }
    warn_of_rights(context, placement.value().driver);
    return follow(context);
  }

  // From the thread of signals.
  void stop(int count) {
    if (count > 1) _exit(kExitCancelled);
    stop_.request_stop();
    // Never on this thread, which takes the next signal: a reader of standard error may have paused.
    std::thread([] { say("stopping; once more leaves what is there as it is"); }).detach();
  }

 private:
  bool waits() const {
    if (command_.wait) return *command_.wait;
    if (command_.follow || command_.result || command_.timeout || command_.delete_after) return true;
    return submission_.plan.waits_for_end;
  }

  bool timed_out(const runtime::Context& context) const { return context.deadline.passed(program_.clock.steady_now()); }

  Result<void> upload(const runtime::Context& context) const {
    if (submission_.plan.uploads.empty()) return {};
    return submission::upload_all(context, submission_.plan.uploads, submission_.request.hadoop,
                                  upload_services(program_),
                                  [](const spark::Upload& upload, const submission::Placed& placed) {
                                    say(fmt::format("{} {} ({} bytes)", upload.from_path,
                                                    placed.was_there ? "is up already" : "uploaded", placed.bytes));
                                  });
  }

  int not_placed(const runtime::Context& context, const Error& error) const {
    const bool is_stopped = stop_.stop_requested() && !command_.detach;
    // What the stop broke is no error, unless something was left.
    if (!is_stopped || !error.hint.empty()) print_error(error);
    if (is_stopped) return kExitCancelled;
    return timed_out(context) ? kExitTimedOut : kExitPrevented;
  }

  // What submitters that died have left here. A help for others: no error of ours.
  void remove_leftovers(const runtime::Context& context) const {
    const auto leftovers = submission::clean_up(context.with_timeout(program_.clock, kTimeToClean), cluster_.client(),
                                                submission_.plan.namespace_name);
    if (!leftovers) return;
    for (const submission::Leftover& leftover : leftovers.value())
      say(fmt::format("{} what the submission {} had left unfinished", submission::outcome_name(leftover.outcome),
                      leftover.submission_id));
  }

  // What the driver will fail for minutes later, when we may ask.
  void warn_of_rights(const runtime::Context& context, const json::object& driver) const {
    std::string account = resources::text_in(resources::object_in(driver, "spec"), "serviceAccountName");
    if (account.empty()) account = "default";
    const auto missing = submission::missing_driver_rights(context.with_timeout(program_.clock, kTimeToAsk),
                                                           cluster_.client(), driver_.namespace_name, account);
    if (missing.empty()) return;
    std::vector<std::string> words;
    for (const submission::Permission& permission : missing)
      words.push_back(permission.describe());
    warn(
        fmt::format("the driver's service account {0} may not {1}; `stoker rbac --namespace {2} "
                    "--service-account {0}` prints the rights that it needs",
                    account, join(words, ", "), driver_.namespace_name));
  }

  Result<int> follow(const runtime::Context& context) {
    auto ended = submission::follow(context, cluster_.client(), driver_,
                                    {.with_log = command_.follow || command_.result.has_value()}, reporter_);
    if (!ended) return stopped(context, ended.error());
    reporter_.finish_log(context.stop);
    const spark::DriverState& state = ended->state;
    if (!state.ended()) {
      say(fmt::format("error: the driver {} does not start: {}", name_, ended->why_it_does_not_start()));
      remove_own_driver();
      return kExitPrevented;
    }
    const int code = state.exit_code.value_or(kExitPrevented);
    say(describe_end(state));
    if (command_.delete_after) remove_own_driver();
    if (code != 0 || !reporter_.result()) return code;
    if (!reporter_.result()->value() && ended->log_trouble) {
      say("error: the driver ended well, but its log could not be read for the result");
      return kExitPrevented;
    }
    return print_result(*reporter_.result());
  }

  Result<int> stopped(const runtime::Context& context, const Error& error) {
    const bool late = timed_out(context);
    if (!late && error.code != ErrorCode::cancelled) {
      say(fmt::format("the driver {} goes on", name_));
      print_error(error);
      return kExitPrevented;
    }
    if (late) say(fmt::format("error: the driver {} did not end in time (--timeout)", name_));
    if (command_.detach || was_there_)
      say(fmt::format("the driver {0} goes on; `stoker apps logs -f {0}` follows it, `stoker apps kill {0}` ends it",
                      name_));
    else
      remove_driver();
    return late ? kExitTimedOut : kExitCancelled;
  }

  std::string describe_end(const spark::DriverState& state) const {
    if (state.phase == spark::DriverPhase::succeeded) return fmt::format("driver {} succeeded", name_);
    std::string text = state.exit_code
                           ? fmt::format("error: the driver {} failed with exit code {}", name_, *state.exit_code)
                           : fmt::format("error: the cluster ended the driver {}", name_);
    if (!state.reason.empty()) text += fmt::format(" ({})", state.reason);
    if (!state.message.empty()) text += fmt::format(": {}", state.message);
    if (state.exit_code && !command_.follow && !command_.delete_after)
      text += fmt::format("\n  `stoker apps logs {}` shows its log", name_);
    return text;
  }

  // One that an earlier submission of the same id has made is that one's.
  void remove_own_driver() const {
    if (was_there_)
      say(fmt::format("driver {} stays: an earlier submission of this id has made it", name_));
    else
      remove_driver();
  }

  void remove_driver() const {
    const auto context = runtime::Context{}.with_timeout(program_.clock, kTimeToRemove);  // whatever was stopped
    const auto removed = cluster_.client().remove(
        context,
        {.type = kube::kPods, .namespace_name = driver_.namespace_name, .name = driver_.name, .subresource = {}},
        {.uid = driver_.uid, .resource_version = {}});
    if (removed)
      say(fmt::format("driver {} removed", name_));
    else if (removed.error().code != ErrorCode::not_found)
      warn(fmt::format("the driver {} is still there: {}", name_, removed.error().describe()));
  }

  // The driver is there all the same, and its own exit code may be 3.
  static int printed() {
    const auto written = written_out();
    if (!written) say("error: " + written.error().describe());
    return written ? 0 : kExitPrevented;
  }

  static Result<int> print_result(const DeclaredResult& result) {
    if (result.value()) {
      print(*result.value() + "\n");
      return printed();
    }
    print_error({.code = ErrorCode::run_failed,
                 .message = fmt::format("the driver ended well, but its log has no result {}", result.wanted()),
                 .hint = "the application declares one by printing: stoker-result NAME=VALUE"});
    return kExitNoResult;
  }

  const Program& program_;
  const SubmitCommand& command_;
  const PlannedSubmission& submission_;
  std::string name_;
  bool was_there_ = false;  // the driver is another submission's, which found the same id
  runtime::StopSource stop_;
  Cluster cluster_;
  Reporter reporter_;
  submission::DriverPod driver_;
};

}  // namespace

submission::UploadServices upload_services(const Program& program) {
  const Clock& clock = program.clock;
  return {.variables = program.environment,
          .clock = clock,
          .make_http = [&clock](const net::ClientOptions& options) -> std::unique_ptr<net::HttpClient> {
            return std::make_unique<net::CurlClient>(options, clock);
          },
          .waiting = runtime::real_waiting(clock, random_bits)};
}

Result<int> carry_out_submission(const Program& program, const SubmitCommand& command,
                                 const PlannedSubmission& submission) {
  TRY_ASSIGN(kube::ClusterConfiguration configuration,
             submission::cluster_of(submission.request.configuration, program.environment, command.kubeconfig));
  if (!configuration.note.empty()) warn(configuration.note);
  block_signals();  // before any thread is made
  SubmitRun run(program, command, submission, std::move(configuration), submission.result);
  const SignalWatch signals([&](int count) { run.stop(count); });
  return run.run();
}

}  // namespace stoker::cli
