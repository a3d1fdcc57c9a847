// Declared outputs of command and Spark steps: from a file, from $STOKER_RESULT, from the log.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/runner.h"
#include "runtime/context.h"

namespace stoker::local {

// A value given as text is at most this long: it is a binding, and lives in the database.
inline constexpr std::size_t kValueLimit = 64 * 1024;
inline constexpr std::size_t kResultFileLimit = 4 * 1024 * 1024;
// A longer line of a log is matched by its first bytes.
inline constexpr std::size_t kLogLineLimit = 4096;

struct OutputSources {
  std::filesystem::path working_directory;  // `path:` is relative to it
  std::filesystem::path result_file;        // $STOKER_RESULT
  std::filesystem::path standard_output;
  std::filesystem::path standard_error;
};

// One record per declared output. An error of code user_code names the output that is missing or of the wrong type.
Result<json::object> collect_outputs(const engine::AttemptSpec& spec, const OutputSources& sources, WallTime now,
                                     const runtime::StopToken& stop);

// `text` as the parameter type named by `type`: string, integer, number, boolean, list, map, enum. Empty type is
// string.
Result<json::value> parse_typed(std::string_view text, std::string_view type);

// `name=value` lines; the last one of a name counts. Lines without `=` are an error of code user_code with the line's
// number.
Result<std::map<std::string, std::string>> parse_result_lines(std::string_view text);

// The first group of the last line that matches. None: no line does. A pattern without group gives the whole match.
Result<std::optional<std::string>> search_log(const std::filesystem::path& log, const std::string& pattern,
                                              const runtime::StopToken& stop);

}  // namespace stoker::local
