#include "submission/uploads/upload_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace stoker::submission {

namespace {

struct SchemeRow {
  std::string_view scheme;
  // Of a place that is refused; "" for one that is served.
  std::string_view why_not;
  UploadKind kind = UploadKind::file;
};

constexpr std::string_view kHadoop = "needs Hadoop's libraries";
constexpr std::string_view kReadOnly = "cannot be written to";
constexpr std::string_view kNotYet = "has no writer here yet";

constexpr std::array kSchemes = {
    SchemeRow{"", "", UploadKind::file},
    SchemeRow{"file", "", UploadKind::file},
    SchemeRow{"s3a", "", UploadKind::s3},
    SchemeRow{"s3", "", UploadKind::s3},
    SchemeRow{"s3n", "", UploadKind::s3},
    SchemeRow{"gs", kNotYet},
    SchemeRow{"hdfs", kHadoop},
    SchemeRow{"viewfs", kHadoop},
    SchemeRow{"webhdfs", kHadoop},
    SchemeRow{"swebhdfs", kHadoop},
    SchemeRow{"har", kHadoop},
    SchemeRow{"abfs", kNotYet},
    SchemeRow{"abfss", kNotYet},
    SchemeRow{"wasb", kNotYet},
    SchemeRow{"wasbs", kNotYet},
    SchemeRow{"oss", kNotYet},
    SchemeRow{"cosn", kNotYet},
    SchemeRow{"obs", kNotYet},
    SchemeRow{"http", kReadOnly},
    SchemeRow{"https", kReadOnly},
    SchemeRow{"ftp", kHadoop},
    SchemeRow{"local", "is the inside of an image, which nothing is written to"},
};

// "" for a path. What is written behind it may be anything: blanks, other scripts.
std::string scheme_of(const std::string& uri) {
  const std::size_t colon = uri.find(':');
  return colon == std::string::npos || uri.find('/') < colon ? "" : lower_case(uri.substr(0, colon));
}

Error no_place(const std::string& what, const std::string& hint) {
  return {.code = ErrorCode::invalid_value, .message = "spark.kubernetes.file.upload.path " + what, .hint = hint};
}

}  // namespace

Result<UploadKind> upload_kind(const std::string& to_uri) {
  const std::string scheme = scheme_of(to_uri);
  const auto row = std::ranges::find(kSchemes, scheme, &SchemeRow::scheme);
  if (row == kSchemes.end() || !row->why_not.empty())
    return Error{.code = ErrorCode::unsupported,
                 .message = fmt::format("spark.kubernetes.file.upload.path: {}: {}", scheme,
                                        row == kSchemes.end() ? kHadoop : row->why_not),
                 .hint =
                     "uploads go to s3a://bucket/folder or to a file: path that the cluster shares; --jvm hands "
                     "the submission over to spark-submit"};
  return row->kind;
}

Result<BucketAndKey> split_s3_uri(const std::string& uri) {
  constexpr std::string_view kExample = "write s3a://bucket/folder";
  const std::size_t start = uri.find("://");
  if (start == std::string::npos) return no_place("names no bucket", std::string(kExample));
  const std::string rest = uri.substr(start + 3);
  std::vector<std::string> parts = split(rest, '/');
  BucketAndKey place{.bucket = parts.front(), .key = {}};
  // It is not printed: it may well be a secret.
  if (place.bucket.find('@') != std::string::npos)
    return no_place("has keys in the address, which Hadoop no longer takes",
                    "set spark.hadoop.fs.s3a.access.key and spark.hadoop.fs.s3a.secret.key");
  if (place.bucket.empty() || place.bucket.find(':') != std::string::npos)
    return no_place("names no bucket", std::string(kExample));
  std::vector<std::string> kept;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].empty() || parts[i] == ".") continue;
    if (parts[i] != "..") {
      kept.push_back(parts[i]);
    } else if (kept.empty()) {
      return no_place("leads out of its bucket", std::string(kExample));
    } else {
      kept.pop_back();
    }
  }
  if (kept.empty()) return no_place("names no object", std::string(kExample));
  place.key = join(kept, "/");
  return place;
}

}  // namespace stoker::submission
