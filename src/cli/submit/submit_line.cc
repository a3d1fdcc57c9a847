#include "cli/submit/submit_line.h"

#include <fmt/format.h>

#include <array>

#include "base/strings.h"
#include "codec/duration.h"

namespace stoker::cli {

namespace {

struct OwnFlagRow {
  spark::OwnFlag flag;
  std::string_view value;
  std::string_view help;
};

constexpr std::array kOwnFlags = {
    OwnFlagRow{{"--dry-run", "", false}, "", "Print the objects instead of making them; needs no cluster"},
    OwnFlagRow{{"--output", "-o", true}, "yaml|json", "What --dry-run prints (default: yaml)"},
    OwnFlagRow{{"--spark-version", "", true}, "VERSION", "The Spark of the image, when its tag does not say it"},
    OwnFlagRow{{"--show-secrets", "", false}, "", "Print secrets too"},
    OwnFlagRow{{"--wait", "", false}, "", "Wait for the driver's end and exit with its code (default)"},
    OwnFlagRow{{"--no-wait", "", false}, "", "Exit as soon as the driver's pod is accepted"},
    OwnFlagRow{{"--follow", "", false}, "", "Wait, and print the driver's log as it comes"},
    OwnFlagRow{{"--result", "", true}, "NAME|/PATTERN/", "Wait, and print this value of the application"},
    OwnFlagRow{{"--timeout", "", true}, "DURATION", "Wait so long at most, then remove the driver and exit with 124"},
    OwnFlagRow{
        {"--detach", "", false}, "", "Leave the driver running when this command is ended by Ctrl-C or --timeout"},
    OwnFlagRow{{"--delete-after", "", false}, "", "Remove the driver's pod when it has ended"},
    OwnFlagRow{
        {"--submission-id", "", true}, "KEY", "The same key again finds the first submission, and starts no other"},
    OwnFlagRow{
        {"--jvm", "", false}, "", "Hand over to a real spark-submit: SPARK_HOME's, or that of the pyspark package"},
    OwnFlagRow{{"--kubeconfig", "", true}, "FILE", "Instead of KUBECONFIG and ~/.kube/config"},
};

}  // namespace

std::vector<SubmitHelp> submit_help() {
  std::vector<SubmitHelp> rows;
  for (const OwnFlagRow& row : kOwnFlags) {
    const std::string name = row.flag.short_name.empty() ? "" : std::string(row.flag.short_name) + ",";
    rows.push_back({name + std::string(row.flag.name), std::string(row.value), std::string(row.help)});
  }
  rows.push_back({"-c,--conf", "KEY=VALUE", "A property of Spark; may be repeated"});
  for (const spark::SubmitFlag& flag : spark::submit_flags())
    rows.push_back({std::string(flag.name), std::string(flag.value), std::string(flag.help)});
  rows.push_back({"--load-spark-defaults", "", "Read conf/spark-defaults.conf beside --properties-file (Spark 4)"});
  rows.push_back({"-v,--verbose", "", "Say what the command line, files and environment come to"});
  return rows;
}

Result<SubmitCommand> parse_submit_line(std::span<const std::string> words) {
  std::vector<spark::OwnFlag> own;
  for (const OwnFlagRow& row : kOwnFlags)
    own.push_back(row.flag);
  SubmitCommand command;
  command.words.assign(words.begin(), words.end());
  TRY_ASSIGN(command.arguments, spark::parse_submit_arguments(words, own));
  const auto given = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = command.arguments.own.find(name);
    return found == command.arguments.own.end() ? std::nullopt : std::optional(found->second);
  };
  command.dry_run = given("--dry-run").has_value();
  command.show_secrets = given("--show-secrets").has_value();
  command.spark_version = given("--spark-version");
  const std::string output = given("--output").value_or("yaml");
  if (output != "yaml" && output != "json")
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("--output {} is neither yaml nor json", output),
                 .hint = did_you_mean(output, std::vector<std::string>{"yaml", "json"})};
  command.json = output == "json";
  command.jvm = given("--jvm").has_value();
  for (const std::string_view action : {"--kill", "--status"}) {
    if (!command.arguments.flag(action)) continue;
    for (const auto& [flag, value] : command.arguments.own)
      if (flag != "--kubeconfig" && flag != "--jvm")
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("{} has no effect on {}", flag, action),
                     .hint = fmt::format("leave {} out; `stoker apps` has more than {}", flag, action)};
  }
  if (command.arguments.flag("--kill") && command.arguments.flag("--status"))
    return Error{
        .code = ErrorCode::usage, .message = "--kill and --status exclude each other", .hint = "give one of them"};
  command.follow = given("--follow").has_value();
  command.detach = given("--detach").has_value();
  command.delete_after = given("--delete-after").has_value();
  command.result = given("--result");
  command.submission_id = given("--submission-id");
  command.kubeconfig = given("--kubeconfig");
  if (given("--wait") && given("--no-wait"))
    return Error{
        .code = ErrorCode::usage, .message = "--wait and --no-wait exclude each other", .hint = "leave one out"};
  if (given("--wait")) command.wait = true;
  if (given("--no-wait")) command.wait = false;
  if (command.wait == false && (command.follow || command.result || command.delete_after || given("--timeout")))
    return Error{.code = ErrorCode::usage,
                 .message = "--follow, --result, --timeout and --delete-after are for who waits",
                 .hint = "leave --no-wait out"};
  if (const auto timeout = given("--timeout")) {
    auto duration = codec::parse_duration(*timeout);
    if (!duration) return std::move(duration).error().with_context("--timeout");
    command.timeout = duration.value();
  }
  return command;
}

}  // namespace stoker::cli
