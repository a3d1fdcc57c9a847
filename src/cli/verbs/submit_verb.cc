#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>

#include "cli/output.h"
#include "cli/random.h"
#include "cli/submit/declared_result.h"
#include "cli/submit/spark_submit_handover.h"
#include "cli/submit/submit_run.h"
#include "cli/submit_action.h"
#include "cli/verbs/verbs.h"
#include "codec/yaml_write.h"
#include "net/url.h"
#include "spark/submission_plan.h"
#include "spark/submit_request.h"
#include "submission/dry_run.h"
#include "submission/identifiers.h"
#include "submission/local_machine.h"
#include "submission/uploads/download.h"

namespace stoker::cli {

namespace {

// The version of a distribution, by the name of its core jar: spark-core_2.13-4.0.1.jar.
std::optional<spark::SparkVersion> version_of_home(const spark::Surroundings& machine) {
  constexpr std::string_view kCore = "spark-core_";
  const auto home = machine.environment("SPARK_HOME");
  if (!home) return std::nullopt;
  const auto jars = machine.file_names(*home + "/jars");
  if (!jars) return std::nullopt;
  for (const std::string& jar : *jars) {
    if (!jar.starts_with(kCore) || !jar.ends_with(".jar")) continue;
    const std::string rest = jar.substr(kCore.size(), jar.size() - kCore.size() - std::string_view(".jar").size());
    const std::size_t dash = rest.find('-');
    auto version = spark::parse_spark_version(dash == std::string::npos ? "" : rest.substr(dash + 1));
    if (version) return *version;
  }
  return std::nullopt;
}

// What was said, else what the image's tag says, else the distribution here, else the newest, with a warning.
Result<spark::SparkVersion> find_version(const SubmitCommand& command, const spark::Surroundings& machine) {
  if (command.spark_version) return spark::parse_spark_version(*command.spark_version);
  constexpr std::array<std::string_view, 2> kImages = {"spark.kubernetes.driver.container.image",
                                                       "spark.kubernetes.container.image"};
  const spark::SparkVersion newest = spark::newest_spark_version();
  // What files and flags mean depends on the version in little; for the image's name the newest's rules do.
  TRY_ASSIGN(const spark::SubmitRequest request, spark::resolve_submit_request(command.arguments, newest, machine));
  for (const std::string_view key : kImages)
    if (const auto image = request.configuration.raw(key)) {
      TRY_ASSIGN(const auto version, spark::version_of_image(*image));
      if (version) return *version;
    }
  if (auto version = version_of_home(machine)) return *version;
  warn(fmt::format("which Spark the image has is not known; objects are made as for {} (--spark-version says it)",
                   newest.text));
  return newest;
}

// What --verbose asks for: what the command line, the files and the environment come to.
void tell_all(const SubmitCommand& command, const spark::SparkVersion& version, const spark::SubmitRequest& request) {
  say(fmt::format("Spark {}, main class {}, application {}", version.text, request.main_class,
                  net::without_password(request.primary_resource)));
  const auto secrets = command.show_secrets ? submission::Secrets::show : submission::Secrets::hide;
  for (const std::string& line : submission::list_of_properties(request.configuration, secrets))
    say("  " + line);
}

Result<int> submit(const Program& program, const SubmitCommand& command) {
  const Clock& clock = program.clock;
  const auto download = [&](const std::string& uri, const codec::HadoopProperties& properties, std::size_t limit) {
    return submission::download({}, uri, properties, upload_services(program), limit);
  };
  const submission::LocalMachine machine(program.environment, program.working_directory.string(), download);
  if (wants_real_spark_submit(command, machine)) return hand_over_to_spark_submit(program, command);
  ::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is no reason to leave a driver behind
  if (const auto action = spark::submission_action(command.arguments))
    return act_on_submissions(program, command, *action, machine);
  TRY_ASSIGN(const spark::SparkVersion version, find_version(command, machine));
  TRY_ASSIGN(const spark::SubmitRequest request, spark::resolve_submit_request(command.arguments, version, machine));
  if (command.arguments.verbose) tell_all(command, version, request);
  const WallTime now = clock.wall_now();
  std::optional<DeclaredResult> result;
  if (command.result) {
    TRY_ASSIGN(result, DeclaredResult::parse(*command.result));
  }
  const spark::Identifiers identifiers = command.submission_id
                                             ? submission::identifiers_of_key(*command.submission_id, now)
                                             : submission::draw_identifiers(random_bits, now);
  std::string id = identifiers.local_folder;
  if (command.submission_id) {
    TRY_ASSIGN(id, submission::submission_id_of_key(*command.submission_id));
  }
  TRY_ASSIGN(const spark::SubmissionPlan plan, spark::plan_submission(request, version, identifiers, machine));
  for (const std::string& warning : plan.warnings)
    warn(warning);
  if (!command.dry_run)
    return carry_out_submission(program, command,
                                {.request = request, .plan = plan, .submission_id = std::move(id), .result = result});
  for (const spark::Upload& upload : plan.uploads)
    warn(fmt::format("{} would be uploaded to {}", upload.from_path, net::without_password(upload.to_uri)));
  const json::object list =
      submission::list_of_objects(plan, command.show_secrets ? submission::Secrets::show : submission::Secrets::hide,
                                  request.configuration.raw("spark.redaction.regex"));
  print(command.json ? codec::write_json_pretty(list) + "\n" : codec::write_yaml(list));
  return 0;
}

}  // namespace

// What ends with 1 or 3 elsewhere ends with 125 here: those may be the driver's own.
Result<int> run_submit(const Program& program, const SubmitCommand& command) {
  auto outcome = submit(program, command);
  if (outcome) return outcome;
  const int bad_input = exit_code(ErrorCode::usage);
  const ErrorCode code = outcome.error().code;
  if (exit_code(code) == bad_input) return outcome;
  print_error(outcome.error());
  if (code == ErrorCode::limit_exceeded) return bad_input;  // a file that is too large
  return command.dry_run ? exit_code(code) : kExitPrevented;
}

}  // namespace stoker::cli
