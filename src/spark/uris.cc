#include "spark/uris.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "spark/java/text.h"

namespace stoker::spark {

namespace {

// Addresses that Spark's driver opens itself, through Hadoop or its own client.
constexpr std::array<std::string_view, 22> kSchemes = {
    "file", "local", "http", "https", "ftp",  "spark", "hdfs", "viewfs", "webhdfs", "swebhdfs", "har",
    "s3a",  "s3",    "s3n",  "gs",    "abfs", "abfss", "wasb", "wasbs",  "oss",     "cosn",     "obs"};
constexpr std::string_view kIllegal = " <>\"{}|\\^`";
constexpr std::string_view kPathMarks = "-_.!~*'():@&=+$,;/";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_illegal(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == '\x7f' || kIllegal.find(c) != std::string_view::npos;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      plain += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool is_pattern(std::string_view path) {
  return path.find_first_of("*?[{") != std::string_view::npos;
}

Result<std::vector<std::string>> resolve_part(std::string_view part, const Surroundings& surroundings) {
  const std::string whole = resolve_uri(part, surroundings);
  const Uri uri = split_uri(whole);
  if (std::ranges::find(kSchemes, uri.scheme) == kSchemes.end())
    return Error{.code = ErrorCode::unsupported,
                 .message = fmt::format("{}: no file system of Spark has the scheme \"{}\"", part, uri.scheme),
                 .hint = "write a path, local:///path for a file in the image, or an address such as s3a://bucket/key"};
  const std::string path = uri.scheme == "file" ? local_path(whole) : "";
  if (!is_pattern(path)) return std::vector{whole};
  TRY_ASSIGN(const std::vector<std::string> files, surroundings.matching_files(path));
  if (uri.has_fragment && files.size() > 1)
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("{} matches {} files, which cannot share one name", part, files.size()),
                 .hint = "name one file before the #"};
  std::vector<std::string> found;
  for (const std::string& file : files)
    found.push_back(file_uri(file) + (uri.has_fragment ? "#" + std::string(uri.fragment) : ""));
  return found;
}

}  // namespace

Uri split_uri(std::string_view text) {
  Uri uri;
  uri.rest = text;
  if (std::ranges::any_of(text, is_illegal)) return uri;
  if (const std::size_t mark = text.find('#'); mark != std::string_view::npos) {
    uri.has_fragment = true;
    uri.fragment = text.substr(mark + 1);
    uri.rest = text = text.substr(0, mark);
  }
  const std::size_t colon = text.find(':');
  const auto in_scheme = [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '.' || c == '-'; };
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text.front()) ||
      !std::ranges::all_of(text.substr(0, colon), in_scheme))
    return uri;
  uri.scheme = text.substr(0, colon);
  uri.rest = text.substr(colon + 1);
  return uri;
}

std::string local_path(std::string_view text) {
  const Uri uri = split_uri(text);
  if (uri.scheme.empty()) return std::string(text);
  std::string_view path = uri.rest;
  if (path.starts_with("//")) {
    path.remove_prefix(2);
    path.remove_prefix(std::min(path.find('/'), path.size()));  // a host, which files do not have
  }
  return decoded(path);
}

std::string file_uri(std::string_view absolute_path) {
  std::string uri = "file:";
  for (const char c : absolute_path) {
    if (is_letter(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80 ||
        kPathMarks.find(c) != std::string_view::npos)
      uri += c;
    else
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

std::string_view last_part(std::string_view uri) {
  const std::size_t slash = uri.rfind('/');
  return slash == std::string_view::npos ? uri : uri.substr(slash + 1);
}

bool is_local(std::string_view uri) {
  const std::string_view scheme = split_uri(uri).scheme;
  return scheme.empty() || scheme == "file";
}

bool is_spark_internal(std::string_view resource) {
  return resource == "spark-internal" || resource == "spark-shell" || resource == "pyspark-shell" ||
         resource == "sparkr-shell";
}

std::string resolve_uri(std::string_view text, const Surroundings& surroundings) {
  const Uri uri = split_uri(text);
  if (!uri.scheme.empty()) return std::string(text);
  if (uri.has_fragment)
    return file_uri(surroundings.absolute_path(decoded(uri.rest))) + "#" + std::string(uri.fragment);
  const std::string path = surroundings.absolute_path(text);
  return file_uri(surroundings.is_folder(path) && !path.ends_with('/') ? path + "/" : path);
}

Result<std::vector<std::string>> resolve_list(std::string_view list, const Surroundings& surroundings) {
  std::vector<std::string> resolved;
  for (const std::string& part : split(list, ',')) {
    const std::string_view trimmed = java_trim(part);
    if (trimmed.empty()) continue;
    TRY_ASSIGN(std::vector<std::string> found, resolve_part(trimmed, surroundings));
    std::ranges::move(found, std::back_inserter(resolved));
  }
  return resolved;
}

}  // namespace stoker::spark
