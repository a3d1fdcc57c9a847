#include "cli/submit_line.h"

#include <fmt/format.h>

#include <array>

#include "base/strings.h"

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
  return rows;
}

Result<SubmitCommand> parse_submit_line(std::span<const std::string> words) {
  std::vector<spark::OwnFlag> own;
  for (const OwnFlagRow& row : kOwnFlags)
    own.push_back(row.flag);
  SubmitCommand command;
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
  return command;
}

}  // namespace stoker::cli
