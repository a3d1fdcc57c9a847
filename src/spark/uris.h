// Addresses of files as Spark takes and gives them: java.net.URI (JDK 17), Utils.resolveURI, and the globs of
// spark-submit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spark/surroundings.h"

namespace stoker::spark {

struct Uri {
  std::string_view scheme;  // empty without one
  std::string_view rest;    // between scheme and fragment
  std::string_view fragment;
  bool has_fragment = false;
};

// The parts of `text`, without decoding anything. What Java does not take as a URI (a blank, a brace) has no scheme.
Uri split_uri(std::string_view text);

// The path behind `file:`, decoded; of a text without a scheme, the text.
std::string local_path(std::string_view uri);
// `file:/path`, encoded as java.io.File.toURI does.
std::string file_uri(std::string_view absolute_path);
// What stands behind the last slash.
std::string_view last_part(std::string_view uri);

// In a file that the submitter can read: no scheme, or `file`.
bool is_local(std::string_view uri);
// `spark-internal`, and the words that stand for Spark's own shells.
bool is_spark_internal(std::string_view resource);

// Utils.resolveURI: with a scheme unchanged, else the absolute file.
std::string resolve_uri(std::string_view text, const Surroundings& surroundings);
// A comma list, each part resolved and every local pattern replaced by the files that match; a file that does not exist
// stays, for whoever reads it to say so. Errors: a scheme that no file system of Hadoop has (unsupported); a pattern
// with a name (`#`) that matches several (usage).
Result<std::vector<std::string>> resolve_list(std::string_view list, const Surroundings& surroundings);

}  // namespace stoker::spark
