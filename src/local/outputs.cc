#include "local/outputs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <regex>

#include "base/strings.h"
#include "local/artifact.h"
#include "local/text.h"
#include "runtime/file.h"

namespace stoker::local {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kLogBlock = 1024 * 1024;

Error not_a(std::string_view type, std::string_view text) {
  return Error{.code = ErrorCode::user_code,
               .message = fmt::format("\"{}\" is no {}", printable(text.substr(0, 80)), type)};
}

bool is_path_type(std::string_view type) {
  return type == "file" || type == "directory";
}

// The literal characters that every match begins with: lines without them need no regular expression, which is what
// makes a log of a gigabyte bearable.
std::string literal_prefix(const std::string& pattern) {
  if (pattern.find('|') != std::string::npos) return {};
  std::string prefix;
  for (char letter : pattern) {
    if (std::string_view("\\^$.[](){}*+?").find(letter) == std::string_view::npos) {
      prefix += letter;
      continue;
    }
    // The character before a quantifier may be absent.
    if (std::string_view("*?{").find(letter) != std::string_view::npos && !prefix.empty()) prefix.pop_back();
    break;
  }
  return prefix;
}

// Calls `visit` for each line, without its newline, cut at kLogLineLimit.
Result<void> for_each_line(const fs::path& path, const runtime::StopToken& stop,
                           const std::function<void(std::string_view)>& visit) {
  TRY_ASSIGN(runtime::Fd fd, runtime::open_file(path, runtime::OpenMode::read));
  std::string block(kLogBlock, '\0');
  std::string line;
  while (true) {
    if (stop.stop_requested()) return Error{.code = ErrorCode::cancelled, .message = "cancelled"};
    ssize_t count = ::read(fd.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read " + path.string(), errno);
    if (count == 0) break;
    std::string_view rest(block.data(), static_cast<std::size_t>(count));
    while (!rest.empty()) {
      auto newline = rest.find('\n');
      std::string_view part = rest.substr(0, newline);
      if (line.size() < kLogLineLimit) line.append(part.substr(0, kLogLineLimit - line.size()));
      if (newline == std::string_view::npos) break;
      visit(line);
      line.clear();
      rest.remove_prefix(newline + 1);
    }
  }
  if (!line.empty()) visit(line);
  return {};
}

Result<json::object> file_output(const pipeline::OutputDeclaration& output, const fs::path& path,
                                 const engine::AttemptSpec& spec, WallTime now, const runtime::StopToken& stop) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    return Error{
        .code = ErrorCode::user_code,
        .message = fmt::format("the output \"{}\" is missing: the step wrote no {}", output.name, path.string()),
        .hint = "a relative path starts from the step's working directory"};
  }
  const bool directory = fs::is_directory(path, ignored);
  if (is_path_type(output.type) && directory != (output.type == "directory")) {
    return Error{.code = ErrorCode::user_code,
                 .message = fmt::format("the output \"{}\" should be a {}: {} is a {}", output.name, output.type,
                                        path.string(), directory ? "directory" : "file")};
  }
  if (is_path_type(output.type)) return publish_file(path, output.name, spec, now, stop);
  auto text = runtime::read_file(path, kValueLimit);
  if (!text && text.error().code == ErrorCode::limit_exceeded) {
    return Error{
        .code = ErrorCode::user_code,
        .message = fmt::format("the output \"{}\" is over {} bytes: {}", output.name, kValueLimit, path.string()),
        .hint = "declare it with type: file"};
  }
  if (!text) return std::move(text).error();
  TRY_ASSIGN(json::value value,
             parse_typed(trim(*text), output.type).with_context(fmt::format("the output \"{}\"", output.name)));
  return json::object{{"value", std::move(value)}};
}

Result<json::object> text_output(const pipeline::OutputDeclaration& output, const std::string& text,
                                 const OutputSources& sources, const engine::AttemptSpec& spec, WallTime now,
                                 const runtime::StopToken& stop) {
  if (is_path_type(output.type)) return file_output(output, sources.working_directory / text, spec, now, stop);
  if (text.size() > kValueLimit) {
    return Error{.code = ErrorCode::user_code,
                 .message = fmt::format("the output \"{}\" is over {} bytes", output.name, kValueLimit)};
  }
  TRY_ASSIGN(json::value value,
             parse_typed(text, output.type).with_context(fmt::format("the output \"{}\"", output.name)));
  return json::object{{"value", std::move(value)}};
}

Result<std::string> log_text(const pipeline::OutputDeclaration& output, const OutputSources& sources,
                             const runtime::StopToken& stop) {
  for (const auto& log : {sources.standard_output, sources.standard_error}) {
    TRY_ASSIGN(auto found, search_log(log, output.pattern, stop));
    if (found) return *std::move(found);
  }
  return Error{.code = ErrorCode::user_code,
               .message = fmt::format("the output \"{}\" is missing: no line of the log matches {}", output.name,
                                      output.pattern)};
}

}  // namespace

Result<json::value> parse_typed(std::string_view text, std::string_view type) {
  if (type == "integer") {
    std::string_view digits = trim(text);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    std::int64_t number = 0;
    auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (code != std::errc() || end != digits.data() + digits.size()) return not_a("integer", text);
    return json::value(number);
  }
  if (type == "number") {
    std::string_view digits = trim(text);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    double number = 0;
    auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (code != std::errc() || end != digits.data() + digits.size() || !std::isfinite(number))
      return not_a("number", text);
    return json::value(number);
  }
  if (type == "boolean") {
    std::string_view word = trim(text);
    if (word == "true" || word == "True") return json::value(true);
    if (word == "false" || word == "False") return json::value(false);
    return not_a("boolean (true or false)", text);
  }
  if (type == "list" || type == "map") {
    auto value = codec::parse_json(text);
    if (!value || (type == "list" ? !value->is_array() : !value->is_object()))
      return not_a(fmt::format("{} in JSON", type), text);
    return *std::move(value);
  }
  return json::value(printable(text));
}

Result<std::map<std::string, std::string>> parse_result_lines(std::string_view text) {
  std::map<std::string, std::string> values;
  std::size_t number = 0;
  for (const auto& raw : split(text, '\n')) {
    ++number;
    std::string_view line = raw;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trim(line).empty()) continue;
    auto equals = line.find('=');
    if (equals == std::string_view::npos || trim(line.substr(0, equals)).empty()) {
      return Error{.code = ErrorCode::user_code,
                   .message = fmt::format("line {} of $STOKER_RESULT is not name=value: {}", number,
                                          printable(line.substr(0, 80)))};
    }
    values.insert_or_assign(std::string(trim(line.substr(0, equals))), std::string(line.substr(equals + 1)));
  }
  return values;
}

Result<std::optional<std::string>> search_log(const fs::path& log, const std::string& pattern,
                                              const runtime::StopToken& stop) {
  std::optional<std::string> found;
  try {
    const std::regex expression(pattern, std::regex::ECMAScript | std::regex::optimize);
    const std::string prefix = literal_prefix(pattern);
    auto visit = [&](std::string_view line) {
      if (!prefix.empty() && line.find(prefix) == std::string_view::npos) return;
      std::match_results<std::string_view::const_iterator> match;
      if (std::regex_search(line.begin(), line.end(), match, expression)) found = match[match.size() > 1 ? 1 : 0].str();
    };
    TRY(for_each_line(log, stop, visit));
  } catch (const std::regex_error& error) {
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("the pattern {} is not valid: {}", pattern, error.what())};
  }
  return found;
}

Result<json::object> collect_outputs(const engine::AttemptSpec& spec, const OutputSources& sources, WallTime now,
                                     const runtime::StopToken& stop) {
  json::object records;
  std::optional<std::map<std::string, std::string>> results;
  for (const auto& output : spec.step->outputs) {
    Result<json::object> record = Error{};
    switch (output.source) {
      case pipeline::OutputSource::python:
      case pipeline::OutputSource::file:
        record = file_output(output, sources.working_directory / (output.path.empty() ? output.name : output.path),
                             spec, now, stop);
        break;
      case pipeline::OutputSource::result: {
        if (!results) {
          auto text = runtime::read_file(sources.result_file, kResultFileLimit);
          if (!text && text.error().code != ErrorCode::not_found) return std::move(text).error();
          TRY_ASSIGN(results, parse_result_lines(text ? *text : std::string()));
        }
        auto found = results->find(output.name);
        if (found == results->end()) {
          return Error{
              .code = ErrorCode::user_code,
              .message = fmt::format("the output \"{}\" is missing: the step wrote no line {}=… to $STOKER_RESULT",
                                     output.name, output.name)};
        }
        record = text_output(output, found->second, sources, spec, now, stop);
        break;
      }
      case pipeline::OutputSource::log: {
        TRY_ASSIGN(std::string text, log_text(output, sources, stop));
        record = text_output(output, text, sources, spec, now, stop);
        break;
      }
    }
    if (!record) return std::move(record).error();
    records[output.name] = *std::move(record);
  }
  return records;
}

}  // namespace stoker::local
