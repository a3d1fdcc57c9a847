// Spark's configuration: keys and values as texts, and how Spark reads them (SparkConf and ConfigReader, 3.3 to 4.3).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spark/units.h"

namespace stoker::spark {

// A value of the submitter's environment, none when it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// A value type, in the order of the keys (Spark's own order is that of a hash).
class Configuration {
 public:
  using Entries = std::map<std::string, std::string, std::less<>>;

  const Entries& entries() const { return entries_; }
  void set(std::string key, std::string value) { entries_.insert_or_assign(std::move(key), std::move(value)); }
  void set_if_missing(std::string key, const std::string& value) { entries_.try_emplace(std::move(key), value); }
  void remove(std::string_view key);

  // As it is written; of some keys also under their old names (SparkConf.configsWithAlternatives).
  std::optional<std::string> raw(std::string_view key) const;
  bool has(std::string_view key) const { return raw(key).has_value(); }
  // What follows `prefix` in the keys that begin with it, with the values as they are written.
  std::vector<std::pair<std::string, std::string>> with_prefix(std::string_view prefix) const;

 private:
  Entries entries_;
};

// How Spark reads the keys that it has registered: `${spark.key}` and `${env:NAME}` in values stand for what they name
// (ConfigReader), and a value of another form is an error (invalid_value) that names its key. Borrows both.
class ConfigurationReader {
 public:
  ConfigurationReader(const Configuration& configuration, const Environment& environment)
      : configuration_(configuration), environment_(environment) {}

  Result<std::optional<std::string>> text(std::string_view key) const;
  Result<std::string> text_or(std::string_view key, std::string_view otherwise) const;
  // The value of the first key that is set.
  Result<std::optional<std::string>> first_of(std::initializer_list<std::string_view> keys) const;
  // Parts between commas, trimmed, without empty ones.
  Result<std::vector<std::string>> list(std::string_view key) const;
  Result<bool> boolean(std::string_view key, bool otherwise) const;
  Result<std::int64_t> whole_number(std::string_view key, std::int64_t otherwise) const;
  Result<std::optional<double>> number(std::string_view key) const;
  Result<std::optional<std::int64_t>> mebibytes(std::string_view key) const;
  Result<std::string> one_of(std::string_view key, std::initializer_list<std::string_view> allowed,
                             std::string_view otherwise) const;

 private:
  Result<std::string> substituted(std::string_view key, const std::string& value, int depth) const;

  const Configuration& configuration_;
  const Environment& environment_;
};

}  // namespace stoker::spark
