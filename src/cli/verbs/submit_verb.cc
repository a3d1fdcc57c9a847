#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "cli/output.h"
#include "cli/random.h"
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

namespace stoker::cli {

namespace {

// The version that an image's tag begins with: apache/spark:4.0.1-scala2.13-java17-ubuntu.
std::optional<spark::SparkVersion> version_of_tag(const std::string& image) {
  const std::size_t colon = image.rfind(':');
  if (colon == std::string::npos || image.find('/', colon) != std::string::npos) return std::nullopt;
  std::string tag = image.substr(colon + 1);
  if (tag.starts_with('v')) tag.erase(0, 1);
  const std::size_t end = tag.find_first_not_of("0123456789.");
  auto version = spark::parse_spark_version(tag.substr(0, end));
  return version ? std::optional(*version) : std::nullopt;
}

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
  // Which properties files count depends on the version; for the image's name the newest's rules do.
  TRY_ASSIGN(const spark::SubmitRequest request, spark::resolve_submit_request(command.arguments, newest, machine));
  for (const std::string_view key : kImages)
    if (const auto image = request.configuration.raw(key))
      if (auto version = version_of_tag(*image)) return *version;
  if (auto version = version_of_home(machine)) return *version;
  warn(fmt::format("which Spark the image has is not known; objects are made as for {} (--spark-version says it)",
                   newest.text));
  return newest;
}

Result<int> submit(const Program& program, const SubmitCommand& command) {
  if (wants_real_spark_submit(program, command)) return hand_over_to_spark_submit(program, command);
  const submission::LocalMachine machine(program.environment, program.working_directory.string());
  if (const auto action = spark::submission_action(command.arguments))
    return act_on_submissions(program, command, *action, machine);
  TRY_ASSIGN(const spark::SparkVersion version, find_version(command, machine));
  TRY_ASSIGN(const spark::SubmitRequest request, spark::resolve_submit_request(command.arguments, version, machine));
  const WallTime now = program.clock.wall_now();
  const spark::Identifiers identifiers = command.submission_id
                                             ? submission::identifiers_of_key(*command.submission_id, now)
                                             : submission::draw_identifiers(random_bits, now);
  TRY_ASSIGN(const spark::SubmissionPlan plan, spark::plan_submission(request, version, identifiers, machine));
  for (const std::string& warning : plan.warnings)
    warn(warning);
  if (!command.dry_run) {
    std::string id = identifiers.local_folder;
    if (command.submission_id) {
      TRY_ASSIGN(id, submission::submission_id_of_key(*command.submission_id));
    }
    return carry_out_submission(program, command, {.request = request, .plan = plan, .submission_id = std::move(id)});
  }
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
